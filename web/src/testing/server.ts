/** The fake API of the tests: answers from a small shop, and records what was asked for. */
import { http, HttpResponse, type HttpHandler } from "msw";
import { setupServer } from "msw/node";
import type { Backup, BackupStatus, Reconciliation, Run, SyncOverview } from "@/api/types";
import { backfillPlan, createShop, earlierRuns, run, syncOverview, type Shop } from "@/testing/shop";
import { noBackups } from "@/testing/backups";
import { emptyQuarantine, type FakeQuarantine } from "@/testing/quarantine";

const at = (path: string) => `*/api/v1${path}`;

export const problem = (status: number, title: string, detail: string, remedy?: string) =>
  HttpResponse.json(
    {
      type: "https://micore.invalid/problems/test",
      title,
      status,
      detail,
      remedy,
      instance: "/",
      request_id: "01JD8K2V9QTX",
    },
    { status, headers: { "content-type": "application/problem+json", "x-request-id": "01JD8K2V9QTX" } },
  );

const noProduct = () => problem(404, "Not found", "There is no product with this id.");

export interface FakeApi {
  shop: Shop;
  overview: SyncOverview;
  runs: Run[];
  reconciliations: Reconciliation[];
  /** Paths with their query, in the order they were asked for. */
  backups: { status: BackupStatus; list: Backup[] };
  asked: string[];
  started: unknown[];
  stopped: number[];
  quarantine: FakeQuarantine;
  settled: object[];
}

export function createApi(part: Partial<FakeApi> = {}): FakeApi {
  return {
    shop: createShop(),
    overview: syncOverview(),
    runs: earlierRuns,
    reconciliations: [],
    backups: noBackups(),
    asked: [],
    started: [],
    stopped: [],
    quarantine: emptyQuarantine(),
    settled: [],
    ...part,
  };
}

/** Handlers that read the fake at each request, so that a test may change it while a page is open. */
export function handlersOf(api: FakeApi): HttpHandler[] {
  const or404 = (found: object | null) => (found ? HttpResponse.json(found) : noProduct());
  return [
    http.all("*", ({ request }) => {
      const url = new URL(request.url);
      api.asked.push(`${request.method} ${url.pathname}${decodeURIComponent(url.search)}`);
    }),
    http.get(at("/meta"), () => HttpResponse.json(api.shop.meta)),
    http.get(at("/dashboard"), () => HttpResponse.json(api.shop.dashboard)),
    http.get(at("/places"), () => HttpResponse.json(api.shop.places)),
    http.get(at("/products"), ({ request }) => HttpResponse.json(api.shop.search(new URL(request.url).searchParams))),
    http.get(at("/products/:id"), ({ params }) => or404(api.shop.detail(String(params.id)))),
    http.get(at("/products/:id/history"), ({ params, request }) =>
      or404(api.shop.history(String(params.id), Number(new URL(request.url).searchParams.get("days")))),
    ),
    http.get(at("/products/:id/why"), ({ params }) => or404(api.shop.why(String(params.id)))),
    http.get(at("/sync"), () => HttpResponse.json(api.overview)),
    http.get(at("/quarantine"), () => HttpResponse.json(api.quarantine.overview())),
    http.get(at("/quarantine/waiting"), () => HttpResponse.json({ waiting: api.quarantine.overview().waiting })),
    http.get(at("/quarantine/rows"), ({ request }) =>
      HttpResponse.json(api.quarantine.page(new URL(request.url).searchParams)),
    ),
    http.get(at("/quarantine/rows/:id"), ({ params }) => or404(api.quarantine.detail(Number(params.id)))),
    http.post(at("/quarantine/:what"), async ({ params, request }) => {
      const body = (await request.json()) as object;
      api.settled.push({ what: String(params.what), ...body });
      return HttpResponse.json({ rows: 1, runs: [], skipped: api.quarantine.skipped }, { status: 202 });
    }),
    http.post(at("/quarantine/rows/:id/fix"), async ({ params, request }) => {
      const body = (await request.json()) as { row: string };
      api.settled.push({ what: "fix", id: Number(params.id), ...body });
      return HttpResponse.json({ row: api.quarantine.detail(Number(params.id)), runs: [] }, { status: 202 });
    }),
    http.get(at("/sync/runs"), ({ request }) => {
      const findings = new URL(request.url).searchParams.get("findings") === "true";
      return HttpResponse.json({
        items: api.runs.filter((one) => !findings || one.state !== "done"),
        next_cursor: null,
      });
    }),
    http.post(at("/sync/runs"), async ({ request }) => {
      api.started.push(await request.json());
      return HttpResponse.json([run({ id: 200, state: "queued" })], { status: 202 });
    }),
    http.get("*/api/backup/status", () => HttpResponse.json(api.backups.status)),
    http.get("*/api/backup/list", () => HttpResponse.json(api.backups.list)),
    http.post("*/api/backup/create", () => {
      api.started.push("backup");
      api.backups.status = { ...api.backups.status, running: true, running_since: "2026-11-22T12:00:00Z" };
      return HttpResponse.json(api.backups.status, { status: 202 });
    }),
    http.get(at("/reconciliations"), () => HttpResponse.json(api.reconciliations)),
    http.post(at("/reconciliations"), async ({ request }) => {
      api.started.push(await request.json());
      return HttpResponse.json([run({ id: 202, state: "queued", kind: "reconcile" })], { status: 202 });
    }),
    http.get(at("/sync/backfills/plan"), ({ request }) => HttpResponse.json(backfillPlan(new URL(request.url)))),
    http.post(at("/sync/backfills"), async ({ request }) => {
      api.started.push(await request.json());
      return HttpResponse.json(run({ id: 201, state: "queued", kind: "backfill" }), { status: 202 });
    }),
    http.post(at("/sync/runs/:id/stop"), ({ params }) => {
      api.stopped.push(Number(params.id));
      return HttpResponse.json(run({ id: Number(params.id), state: "stopped" }), { status: 202 });
    }),
  ];
}

export const server = setupServer();
