/** A quarantine for the tests: what waits, its rows, one row with its bytes. */
import type { QuarantinedRow, QuarantinedRowDetail, QuarantineGroup, QuarantineOverview } from "@/api/types";

export interface FakeQuarantine {
  overview: () => QuarantineOverview;
  page: (query: URLSearchParams) => { items: QuarantinedRow[]; total: number; next_cursor: string | null };
  detail: (id: number) => QuarantinedRowDetail | null;
  skipped: string[];
}

export const barcodeRule = "barcode: allowed: one that exactly one size of the catalogue has.";
export const bytes = '{"srid":"77","barcode":"4600","product":{"quantity":"н/д"},"gNumber":99990000000000001}';

export const group = (part: Partial<QuarantineGroup> = {}): QuarantineGroup => ({
  source: "wildberries",
  account_id: 2,
  account: "main",
  stream: "orders",
  rule: barcodeRule,
  field: "barcode",
  rows: 312,
  first_at: "2026-11-20T09:00:00Z",
  last_at: "2026-11-21T11:30:00Z",
  tried: 3,
  fixed: 0,
  asked: 0,
  may_pass: true,
  replayable: true,
  example_id: 7,
  ...part,
});

export const quarantined = (part: Partial<QuarantinedRow> = {}): QuarantinedRow => ({
  id: 7,
  source: "wildberries",
  account: "main",
  stream: "orders",
  state: "waiting",
  key: "77",
  reason: "barcode: received '4600'; allowed: one that exactly one size of the catalogue has.",
  rule: barcodeRule,
  field: "barcode",
  run_id: 41,
  received_at: "2026-11-20T09:00:00Z",
  told_at: "2026-11-21T11:30:00Z",
  attempts: 2,
  tried_at: "2026-11-21T11:30:00Z",
  resolved_at: null,
  note: null,
  may_pass: true,
  replayable: true,
  asked: false,
  fixed_at: null,
  fixed_by: null,
  ...part,
});

export const emptyQuarantine = (): FakeQuarantine => ({
  overview: () => ({ waiting: 0, groups: [], groups_total: 0, streams: [] }),
  page: () => ({ items: [], total: 0, next_cursor: null }),
  detail: () => null,
  skipped: [],
});

export const fullQuarantine = (groups: QuarantineGroup[], row: QuarantinedRow = quarantined()): FakeQuarantine => ({
  overview: () => ({
    waiting: groups.reduce((sum, each) => sum + each.rows, 0),
    groups,
    groups_total: groups.length,
    streams: [],
  }),
  page: (query) => {
    const items = query.get("state") === row.state ? [row] : [];
    return { items, total: items.length, next_cursor: null };
  },
  skipped: [],
  detail: (id) =>
    id === row.id
      ? {
          row,
          received: bytes,
          fixed: row.fixed_at === null ? null : bytes.replace("4600", "4607"),
          context: "{}",
          parser: "wildberries/1",
          raw_sha256: "a".repeat(64),
          endpoint: "GET /api/v1/supplier/orders",
        }
      : null,
});
