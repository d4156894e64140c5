import { screen, waitFor, within } from "@testing-library/react";
import { http } from "msw";
import { describe, expect, it } from "vitest";
import { violations } from "@/testing/axe";
import { openApp } from "@/testing/render";
import { problem } from "@/testing/server";
import { run, runningRun, streamRun, syncOverview } from "@/testing/shop";

async function openDialog(given: Parameters<typeof openApp>[1] = {}) {
  const app = await openApp("/sync", given);
  await app.user.click(await screen.findByRole("button", { name: "Read past days again" }));
  return { ...app, dialog: await screen.findByRole("dialog", { name: "Read past days again" }) };
}

describe("the dialog for past days", () => {
  it("says what reading them would take before it starts, and starts it", async () => {
    const { user, api, dialog } = await openDialog();
    const from = within(dialog).getByLabelText("From");
    const to = within(dialog).getByLabelText("Up to and including");
    expect(await within(dialog).findByRole("checkbox", { name: "Finances" })).not.toBeChecked();
    expect(within(dialog).queryByRole("checkbox", { name: "Sales" })).not.toBeInTheDocument();
    expect(within(dialog).queryByRole("checkbox", { name: "Supplies" })).not.toBeInTheDocument();
    await user.click(within(dialog).getByRole("checkbox", { name: "Finances" }));
    await user.clear(from);
    await user.type(from, "2026-11-01");
    await user.clear(to);
    await user.type(to, "2026-11-10");
    await waitFor(() =>
      expect(dialog).toHaveTextContent("at least 10 requests, 1,204 rows of these days here already"),
    );
    expect(dialog).toHaveTextContent("at least 20 min by the marketplace’s limits");
    expect(await violations(dialog)).toEqual([]);
    await user.click(within(dialog).getByRole("button", { name: "Start reading" }));
    const asked = { source: "ozon", streams: ["orders", "finance"], first_day: "2026-11-01", end_day: "2026-11-11" };
    await waitFor(() => expect(api.started).toEqual([asked]));
    await waitFor(() => expect(screen.queryByRole("dialog")).not.toBeInTheDocument());
  });

  it("starts nothing without a stream or with days the wrong way round", async () => {
    const { user, api, dialog } = await openDialog();
    await user.click(await within(dialog).findByRole("checkbox", { name: "Orders" }));
    expect(dialog).toHaveTextContent("Choose at least one stream.");
    const to = within(dialog).getByLabelText("Up to and including");
    await user.clear(to);
    await user.type(to, "2020-01-01");
    expect(dialog).toHaveTextContent("The last day lies before the first one.");
    await user.click(within(dialog).getByRole("button", { name: "Start reading" }));
    expect(api.started).toEqual([]);
  });

  it("tells why it was refused", async () => {
    const refusing = http.post("*/sync/backfills", () => problem(409, "Busy", "A backfill of ozon is under way."));
    const { user, dialog } = await openDialog({ instead: [refusing] });
    await waitFor(() => expect(dialog).toHaveTextContent("requests"));
    await user.click(within(dialog).getByRole("button", { name: "Start reading" }));
    expect(await within(dialog).findByRole("alert")).toHaveTextContent("A backfill of ozon is under way.");
  });
});

describe("a backfill", () => {
  const range = { kind: "backfill", first_day: "2026-11-01", end_day: "2026-11-11" } as const;

  it("shows its days and windows while it runs, and leaves the sync button free", async () => {
    const streams = [streamRun({ stream: "orders", state: "running", windows: 10, windows_done: 4 })];
    await openApp("/sync", { api: { overview: syncOverview({ running: [{ ...runningRun(), ...range, streams }] }) } });
    const live = await screen.findByRole("region", { name: "Ozon, reading 1–10 Nov again" });
    expect(live).toHaveTextContent("Window 5 of 10");
    expect(within(live).getByRole("progressbar", { name: "Orders" })).toHaveAttribute("aria-valuenow", "40");
    expect(screen.getByRole("button", { name: "Sync now" })).not.toHaveAttribute("aria-disabled");
  });

  it("says what it found", async () => {
    const streams = [streamRun({ stream: "orders", state: "done", windows: 10, windows_done: 10, rows_new: 7 })];
    await openApp("/sync", { api: { runs: [run({ id: 9, ...range, streams, rows_loaded: 9 })] } });
    expect(await screen.findByText("7 new, 2 changed")).toBeVisible();
    expect(screen.getByText(/past days, 1–10 Nov/)).toBeVisible();
  });
});
