import { screen, waitFor, within } from "@testing-library/react";
import { http, HttpResponse } from "msw";
import { describe, expect, it } from "vitest";
import type { KeyForm, KeyReport } from "@/api/types";
import { violations } from "@/testing/axe";
import { openApp } from "@/testing/render";
import { problem } from "@/testing/server";
import { syncOverview } from "@/testing/shop";

const canary = "canary-of-the-web-key";

const ozon: KeyForm = {
  source: "ozon",
  title: "Ozon",
  slots: ["ozon"],
  testable: true,
  fields: [
    { name: "client_id", help: "Client ID.", secret: false, variable: "MICORE_OZON_2_CLIENT_ID" },
    { name: "api_key", help: "API key.", secret: true, variable: "MICORE_OZON_2_API_KEY" },
  ],
};

const report = (part: Partial<KeyReport> = {}): KeyReport => ({
  source: "ozon",
  title: "Ozon",
  accepted: true,
  problem: null,
  remedy: null,
  kind: "Seller API key",
  account: "Вторая лавка",
  account_id: "1002",
  read_by: null,
  rights: ["Admin read only"],
  read_only: true,
  sandbox: false,
  slow: false,
  expires_at: "2026-12-02T09:00:00Z",
  days_left: 9,
  streams: [
    { stream: "stock", missing: [], requests: 11, seconds: 150, reason: "350 products, 100 a request." },
    { stream: "sales", missing: ["/v1/finance/accrual/by-day"], requests: null, seconds: null, reason: null },
  ],
  products: 350,
  seconds: 150,
  requests_made: 22,
  ...part,
});

async function openKeys(answer: () => Response = () => HttpResponse.json(report())) {
  const sent: { name: string; body: string }[] = [];
  const instead = [
    http.get("*/api/v1/sources", () => HttpResponse.json([ozon])),
    http.post("*/api/v1/sources/:name/test-key", async ({ request, params }) => {
      sent.push({ name: String(params.name), body: await request.text() });
      return answer();
    }),
  ];
  const app = await openApp("/sources", { instead });
  return { ...app, sent };
}

async function fill(user: Awaited<ReturnType<typeof openKeys>>["user"]) {
  await user.type(await screen.findByLabelText("Client ID"), "1002");
  await user.type(screen.getByLabelText("API key"), canary);
  await user.click(screen.getByRole("button", { name: "Test" }));
}

describe("testing a key", () => {
  it("says what it is worth, and which lines it goes into, without showing it", async () => {
    const { user, sent } = await openKeys();
    await fill(user);
    expect(await screen.findByText("Ozon accepts the key")).toBeVisible();
    expect(sent).toEqual([{ name: "ozon", body: JSON.stringify({ client_id: "1002", api_key: canary }) }]);
    const panel = screen.getByRole("region", { name: "Test a key of Ozon" });
    expect(panel).toHaveTextContent("in 9 days");
    expect(panel).toHaveTextContent("about 3 min");
    const sales = within(panel).getByRole("row", { name: /Sales/ });
    expect(sales).toHaveTextContent("Cannot be read: the key lacks /v1/finance/accrual/by-day");
    expect(panel).toHaveTextContent("MICORE_OZON_2_CLIENT_ID=1002 MICORE_OZON_2_API_KEY=***");
    expect(document.body.textContent).not.toContain(canary);
    expect(await violations(document.body)).toEqual([]);
  });

  it("takes no half of a key", async () => {
    const { user } = await openKeys();
    await user.type(await screen.findByLabelText("Client ID"), "1002");
    expect(screen.getByRole("button", { name: "Test" })).toBeDisabled();
  });

  it("says what to do about a refused one", async () => {
    const refused = report({
      accepted: false,
      problem: "ozon refused the key.",
      remedy: "Make a new key.",
      streams: [],
    });
    const { user } = await openKeys(() => HttpResponse.json(refused));
    await fill(user);
    expect(await screen.findByText("Ozon refuses the key")).toBeVisible();
    expect(screen.getByText(/Make a new key/)).toBeVisible();
    expect(screen.queryByText(/MICORE_OZON_2/)).not.toBeInTheDocument();
  });

  it("does not call a failure a refusal", async () => {
    const busy = report({ accepted: null, problem: "ozon answers HTTP 503.", remedy: "Try again.", streams: [] });
    const { user } = await openKeys(() => HttpResponse.json(busy));
    await fill(user);
    expect(await screen.findByText("The key could not be tested to the end")).toBeVisible();
    expect(screen.queryByText("Ozon refuses the key")).not.toBeInTheDocument();
    expect(screen.queryByText(/MICORE_OZON_2/)).not.toBeInTheDocument();
  });

  it("tests the key in the settings without asking for it", async () => {
    const { user, sent } = await openKeys();
    await user.click(await screen.findByRole("button", { name: "Test the key of ozon" }));
    await waitFor(() => expect(sent).toEqual([{ name: "ozon", body: "" }]));
  });

  it("says why it cannot be tested now", async () => {
    const { user } = await openKeys(() => problem(409, "Busy", "A sync of ozon is running (run 5)."));
    await fill(user);
    expect(await screen.findByRole("alert")).toHaveTextContent("A sync of ozon is running");
  });
});

describe("a key in force", () => {
  const withKey = (key: object) => {
    const overview = syncOverview();
    overview.sources = overview.sources.map((source, index) =>
      index === 0
        ? {
            ...source,
            key: {
              expires_at: "2026-12-02T09:00:00Z",
              days_left: 9,
              expires_soon: true,
              problem: null,
              remedy: null,
              checked_at: "2026-11-22T11:00:00Z",
              ...key,
            },
          }
        : source,
    );
    return overview;
  };

  it("that ends soon is told on the sync page, with what to do", async () => {
    await openApp("/sync", { api: { overview: withKey({}) } });
    expect(await screen.findByText("The key ends in 9 days")).toBeVisible();
    expect(screen.getByText(/into the settings MICORE_OZON_…/)).toBeVisible();
  });

  it("that is refused is told there too", async () => {
    await openApp("/sync", {
      api: { overview: withKey({ problem: "ozon refused the key (HTTP 403).", days_left: 90 }) },
    });
    expect(await screen.findByText("The key is refused")).toBeVisible();
    expect(screen.getByRole("link", { name: "Keys and accounts" })).toHaveAttribute("href", "/sources");
  });
});
