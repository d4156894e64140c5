import { act, screen, waitFor, within } from "@testing-library/react";
import { delay, http } from "msw";
import { describe, expect, it } from "vitest";
import { violations } from "@/testing/axe";
import { openApp } from "@/testing/render";
import { problem } from "@/testing/server";
import { run, runningRun, streamRun, syncOverview } from "@/testing/shop";

const open = (running = [runningRun()]) => openApp("/sync", { api: { overview: syncOverview({ running }) } });

describe("sources", () => {
  it("say whether they are read, when next, and if not, why", async () => {
    await openApp("/sync");
    const sources = await screen.findByRole("region", { name: "Sources" });
    const [ozon, wildberries] = within(sources).getAllByRole("listitem");
    expect(ozon).toHaveTextContent("Current");
    expect(ozon).toHaveTextContent("Stock as of 14:35 · every 30 min · next at 15:00 · last success 14:35");
    expect(wildberries).toHaveTextContent("Not set up");
    expect(wildberries).toHaveTextContent("No key: set MICORE_WILDBERRIES_TOKEN");
    expect(within(wildberries!).queryByRole("button")).not.toBeInTheDocument();
  });

  it("are read on request, one or all", async () => {
    const both = syncOverview().sources.map((source) => ({ ...source, configured: true, reason: null }));
    const { user, api } = await openApp("/sync", { api: { overview: { sources: both, running: [] } } });
    await user.click(await screen.findByRole("button", { name: "Sync now: Ozon" }));
    await waitFor(() => expect(api.started).toEqual([{ source: "ozon", streams: null, full: false }]));
    await user.click(screen.getByRole("button", { name: "Sync now" }));
    await waitFor(() => expect(api.started).toHaveLength(2));
    expect(api.started[1]).toEqual({ source: null, streams: null, full: false });
  });

  it("have one button where there is one to read", async () => {
    await openApp("/sync");
    expect(await screen.findAllByRole("button", { name: /^Sync now/ })).toHaveLength(1);
  });

  it("say how one is added, and whose account a name is", async () => {
    const { user } = await openApp("/sync");
    const list = await screen.findByRole("region", { name: "Sources" });
    expect(within(list).getByText("account “main”")).toBeVisible();
    expect(within(list).getByText(/API token/)).not.toBeVisible();
    await user.click(within(list).getByText("Connect Wildberries"));
    expect(within(list).getByText(/API token at seller\.wildberries\.ru/)).toBeVisible();
    expect(within(list).getByText(/into the file \.env/)).toHaveTextContent("MICORE_WILDBERRIES_API_TOKEN=…");
    expect(within(list).getByText(/start it again with make run or micore serve/)).toBeVisible();
  });

  it("tell why a sync was refused", async () => {
    const refusing = http.post("*/sync/runs", () =>
      problem(409, "Busy", "A run of ozon is stopping.", "Try again in a minute."),
    );
    const { user } = await openApp("/sync", { instead: [refusing] });
    await user.click(await screen.findByRole("button", { name: "Sync now" }));
    expect(await screen.findByRole("alert")).toHaveTextContent("A run of ozon is stopping.");
  });
});

describe("a run under way", () => {
  it("shows how far it is, stream by stream", async () => {
    await open();
    const live = await screen.findByRole("region", { name: "Ozon, reading orders" });
    expect(live).toHaveTextContent("Started 14:37:40 by schedule.");
    expect(live).toHaveTextContent("The dashboard shows 14:35 until the new stock is published as a whole.");
    expect(within(live).getByRole("progressbar", { name: "Progress of the run" })).toHaveAttribute(
      "aria-valuenow",
      "71",
    );
    expect(within(live).getByRole("progressbar", { name: "Orders" })).toHaveAttribute("aria-valuenow", "64");
    expect(live).toHaveTextContent("Time leftabout 9 s");
    const waiting = within(live).getByRole("row", { name: /Sales/ });
    expect(
      within(waiting)
        .getAllByRole("cell")
        .map((cell) => cell.textContent),
    ).toEqual(["Waiting", "–", "–", "–", "–", "–", "–"]);
  });

  it("moves with the events, without asking", async () => {
    const { line, api } = await open();
    await screen.findByText("27,010");
    const before = api.asked.length;
    act(() => line.say("run", runningRun({ rows_read: 30_000, progress: 0.8 })));
    expect(await screen.findByText("30,000")).toBeVisible();
    expect(screen.getByRole("progressbar", { name: "Progress of the run" })).toHaveAttribute("aria-valuenow", "80");
    expect(api.asked).toHaveLength(before);
  });

  it("appears and goes by itself, and joins the earlier ones", async () => {
    const { line, api } = await openApp("/sync");
    const earlier = await screen.findByRole("table", { name: "Earlier runs" });
    act(() => line.say("run", runningRun()));
    expect(await screen.findByRole("region", { name: "Ozon, reading orders" })).toBeVisible();
    api.runs = [run({ id: 101, rows_read: 777 }), ...api.runs];
    act(() => line.say("run", runningRun({ state: "done" })));
    await waitFor(() => expect(screen.queryByRole("region", { name: /Ozon, reading/ })).not.toBeInTheDocument());
    expect(await within(earlier).findByText("777")).toBeVisible();
  });

  it("stops on request", async () => {
    const { user, api } = await open();
    await user.click(await screen.findByRole("button", { name: "Stop" }));
    await waitFor(() => expect(api.stopped).toEqual([101]));
    expect(screen.getByRole("button", { name: "Stopping" })).toBeVisible();
  });

  it("does not invent a share that nobody can tell", async () => {
    const streams = [
      streamRun({ stream: "orders", state: "running", rows_read: 900, started_at: "2026-11-22T11:37:50Z" }),
    ];
    await open([runningRun({ progress: null, eta_seconds: null, rows_per_second: null, streams })]);
    const live = await screen.findByRole("region", { name: "Ozon, reading orders" });
    expect(within(live).getByRole("progressbar", { name: "Progress of the run" })).not.toHaveAttribute("aria-valuenow");
    expect(live).toHaveTextContent("Time leftnot known");
    expect(live).toHaveTextContent("Stream 1 of 1. The source does not say how much there is.");
  });

  it("says why nothing moves while the marketplace allows no request, and until when", async () => {
    const { line } = await open([runningRun({ waits_until: "2026-11-22T11:45:10Z" })]);
    const live = await screen.findByRole("region", { name: "Ozon, reading orders" });
    expect(within(live).getByRole("status")).toHaveTextContent(
      "Ozon allows no more requests for now: the run waits and goes on by itself at 14:45:10.",
    );
    act(() => line.say("run", runningRun({ waits_until: "2026-11-22T11:30:00Z" })));
    await waitFor(() => expect(within(live).queryByRole("status")).not.toBeInTheDocument());
  });

  it("names a stream it does not know as it came", async () => {
    const streams = [streamRun({ stream: "reviews", state: "running", started_at: "2026-11-22T11:37:50Z" })];
    await open([runningRun({ streams })]);
    expect(await screen.findByRole("region", { name: "Ozon, reading reviews" })).toBeVisible();
  });
});

describe("earlier runs", () => {
  it("stand with their date unless they are of today", async () => {
    await openApp("/sync");
    const table = await screen.findByRole("table", { name: "Earlier runs" });
    expect(within(table).getByText("12:50")).toHaveAttribute("title", "22 Nov 2026, 12:50:00 GMT+3");
    expect(within(table).getByText("21 Nov, 19:10")).toHaveAttribute("title", "21 Nov 2026, 19:10:00 GMT+3");
  });

  it("carry their reason and remedy open", async () => {
    await openApp("/sync");
    const table = await screen.findByRole("table", { name: "Earlier runs" });
    expect(within(table).getByText("ozon refused the key (HTTP 403).")).toBeVisible();
    expect(within(table).getByText(/Put a valid key into OZON_API_KEY/)).toBeVisible();
    expect(within(table).getByText("12 order rows have no price and were set aside.")).toBeVisible();
    expect(within(table).getByText("Somebody stopped it; the next run goes on from there.")).toBeVisible();
  });

  it("tell which stream was held or failed", async () => {
    const streams = [
      streamRun({ stream: "stock", state: "held", message: "1,163 rows shrank to 12." }),
      streamRun({ stream: "orders", state: "failed", message: "The report never came." }),
    ];
    await openApp("/sync", { api: { runs: [run({ id: 5, state: "gaps", streams })] } });
    expect(await screen.findByText("Stock: 1,163 rows shrank to 12.")).toBeVisible();
    expect(screen.getByText("Orders: The report never came.")).toBeVisible();
  });

  it("can be narrowed to those with findings, in the address", async () => {
    const { user, api, address } = await openApp("/sync");
    await user.click(await screen.findByRole("radio", { name: "With findings" }));
    await waitFor(() => expect(address()).toBe("/sync?findings=1"));
    expect(api.asked).toContain("GET /api/v1/sync/runs?limit=20&findings=true");
    await waitFor(() => expect(screen.queryByText("Done")).not.toBeInTheDocument());
    expect(screen.getByText("Failed")).toBeVisible();
  });

  it("have good news and a beginning", async () => {
    await openApp("/sync?findings=1", { api: { runs: [] } });
    expect(await screen.findByText("No run has a finding")).toBeVisible();
  });

  it("say it when there were none", async () => {
    await openApp("/sync", { api: { runs: [] } });
    expect(await screen.findByText("No run yet")).toBeVisible();
  });
});

describe("without an answer", () => {
  it("waits in the shape of what comes", async () => {
    await openApp("/sync", { instead: [http.get("*/api/v1/sync", () => delay("infinite"))] });
    expect(await screen.findByText("Loading")).toBeInTheDocument();
  });

  it("names the cause", async () => {
    await openApp("/sync", { instead: [http.get("*/api/v1/sync", () => problem(400, "Broken", "No overview."))] });
    expect(await screen.findByRole("alert")).toHaveTextContent("No overview.");
    expect(await screen.findByRole("table", { name: "Earlier runs" })).toBeVisible();
  });
});

it("breaks no accessibility rule while it runs", async () => {
  const { container } = await open();
  await screen.findByRole("region", { name: "Ozon, reading orders" });
  await screen.findByRole("table", { name: "Earlier runs" });
  expect(await violations(container)).toEqual([]);
});
