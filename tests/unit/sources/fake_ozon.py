"""A little Ozon whose every row a test can set: for bad rows, dead cursors and other things a shop seldom does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from micore.simulator.xlsx import workbook
from micore.sources.base import Page
from micore.sources.ozon import OzonSource
from tests.unit.sources.clocks import HandClock
from tests.unit.sources.http_server import Asked, Says, Server, serving

Row = dict[str, Any]


@dataclass
class Report:
    """A report that was ordered."""

    code: str
    days: tuple[str, str]
    states: list[str] = field(default_factory=list)
    """What it is at each look; the last one for ever."""
    listed: Row = field(default_factory=dict)
    """What the list tells of it beside its code and state."""


@dataclass
class FakeOzon:
    """Answers as Ozon does, `page_rows` at a time, whatever limit is asked for."""

    clock: HandClock
    page_rows: int = 2
    products: list[Row] = field(default_factory=list)
    archived: list[Row] = field(default_factory=list)
    fbo: list[Row] = field(default_factory=list)
    warehouses: list[Row] = field(default_factory=list)
    fbs: dict[int, list[Row]] = field(default_factory=dict)
    clusters: list[Row] = field(default_factory=list)
    fbo_postings: list[Row] = field(default_factory=list)
    fbs_postings: list[Row] = field(default_factory=list)
    accruals: dict[str, list[Row]] = field(default_factory=dict)
    accrual_types: list[Row] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    """Those that were ordered, in their order; tests say how each goes on."""
    placement: list[tuple[object, ...]] = field(default_factory=list)
    """Rows of the reports' file, the heading first."""
    returns: list[Row] = field(default_factory=list)
    requests: list[Row] = field(default_factory=list)
    """To return rFBS orders."""
    supply_orders: list[Row] = field(default_factory=list)
    bundles: dict[str, list[Row]] = field(default_factory=dict)
    report_states: tuple[str, ...] = ("success",)
    list_rows: int = 1000
    """How many reports a page of their list has."""
    expires_at: str = ""
    files: str = ""
    """Address of the files."""
    cursors_of: str = "monday"
    """Cursors given under another name are dead."""
    instead: dict[str, Callable[[Asked], Says | None]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def __call__(self, asked: Asked) -> Says:
        self.asked.append(asked)
        override = self.instead.get(asked.path.partition("?")[0])
        says = (override(asked) if override else None) or self._answer(asked.path, asked.payload)
        return replace(says, headers={"Date": format_datetime(self.clock.now(), usegmt=True), **says.headers})

    def _answer(self, path: str, payload: Row) -> Says:  # noqa: C901 - one line for each path
        if path == "/v1/returns/list":
            return self._returns(payload)
        if path == "/v2/returns/rfbs/list":
            return self._requests(payload)
        if path.startswith("/files/"):
            return Says(workbook(self.placement))  # type: ignore[arg-type]
        if "/report/" in path:
            return self._report(path, payload)
        cursor = (payload or {}).get("cursor") or (payload or {}).get("last_id") or ""
        if cursor not in ("", "end") and not cursor.startswith(self.cursors_of):
            return Says({"code": 3, "message": "cursor has expired", "details": []}, 400)
        if path == "/v1/roles":
            return Says({"expires_at": "2027-02-18T09:54:23.296Z", "roles": []})
        if path == "/v1/seller/info":
            return Says({"company": {"name": "ООО Ромашка", "currency": "RUB"}})
        if path == "/v3/product/list":
            rows = self.products if payload["filter"]["visibility"] == "ALL" else self.archived
            part, following = self._part(rows, cursor)
            items = [{"product_id": row["id"], "sku": row["sku"], "offer_id": row["offer_id"]} for row in part]
            return Says(
                {"result": {"items": items, "total": len(rows), "last_id": following or ("end" if part else "")}}
            )
        if path == "/v3/product/info/list":
            wanted = set(payload["product_id"])
            return Says({"items": [row for row in self.products + self.archived if str(row["id"]) in wanted]})
        if path == "/v1/analytics/stocks":
            return Says({"items": [row for row in self.fbo if str(row["sku"]) in payload["skus"]]})
        if path == "/v2/warehouse/list":
            return self._list("warehouses", self.warehouses, cursor)
        if path == "/v1/product/info/warehouse/stocks":
            return self._list("stocks", self.fbs.get(payload["warehouse_id"], []), cursor)
        if path == "/v1/cluster/list":
            return Says({"clusters": self.clusters if payload["cluster_type"] == "CLUSTER_TYPE_OZON" else []})
        if path == "/v3/posting/fbo/list":
            return self._list("postings", within(self.fbo_postings, "created_at", payload["filter"]), cursor)
        if path == "/v4/posting/fbs/list":
            changed = payload["filter"].get("last_changed_status_date")
            rows = within(self.fbs_postings, "in_process_at", payload["filter"])
            rows = within(rows, "changed", {"since": changed["from"], "to": changed["to"]}) if changed else rows
            return self._list("postings", rows, cursor)
        if path == "/v1/finance/accrual/types":
            return Says({"accrual_types": self.accrual_types})
        if path == "/v1/finance/accrual/by-day":
            rows = self.accruals.get(payload["date"], [])
            part, following = self._part(rows, cursor)
            return Says({"accruals": part, "last_id": following or ""})
        if path == "/v3/supply-order/list":
            rows = [row for row in self.supply_orders if row["state"] in payload["filter"]["states"]]
            rows.sort(key=lambda row: str(row["state_updated_date"]), reverse=payload["sort_dir"] == "DESC")
            part, following = self._part(rows, cursor)
            return Says(
                {"order_ids": [row["order_id"] for row in part], "last_id": following or ("end" if part else "")}
            )
        if path == "/v3/supply-order/get":
            return Says({"orders": [row for row in self.supply_orders if str(row["order_id"]) in payload["order_ids"]]})
        if path == "/v1/supply-order/bundle":
            (bundle_id,) = payload["bundle_ids"]
            part, following = self._part(self.bundles.get(bundle_id, []), cursor)
            return Says({"items": part, "has_next": following is not None, "last_id": following or ""})
        return Says({"code": 5, "message": "not found"}, 404)

    def _report(self, path: str, payload: Row) -> Says:
        if path.endswith("/create"):
            code = f"REPORT_{len(self.reports) + 1}"
            days = payload["date_from"], payload["date_to"]
            params = {"date_from": days[0], "date_to": days[1]}
            made_at = self.clock.now().isoformat()
            listed = {"created_at": made_at, "report_type": "seller_placement_by_products", "params": params}
            self.reports.append(Report(code, days, list(self.report_states), listed))
            return Says({"code": code})
        if path.endswith("/list"):
            at, rows = (payload["page"] - 1) * self.list_rows, self.list_rows
            told = [each for each in self.reports if each.listed]
            part = [{"code": each.code, "status": each.states[0], **each.listed} for each in told[at : at + rows]]
            return Says({"result": {"reports": part, "total": len(told)}})
        found = next((each for each in self.reports if each.code == payload["code"]), None)
        if found is None:
            return Says({"code": 5, "message": "report not found"}, 404)
        state = found.states[0] if len(found.states) == 1 else found.states.pop(0)
        link = f"{self.files}/files/{found.code}.xlsx?X-Signature=secret" if state == "success" else ""
        return Says({"result": {"status": state, "file": link, "error": "", "expires_at": self.expires_at}})

    def _returns(self, payload: Row) -> Says:
        period = payload["filter"]["visual_status_change_moment"]
        since, to = instant(period["time_from"]), instant(period["time_to"])
        rows = [row for row in self.returns if since <= instant(row["visual"]["change_moment"]) <= to]
        rows = [row for row in rows if int(row["id"]) > payload["last_id"]]
        return Says({"returns": rows[: self.page_rows], "has_next": len(rows) > self.page_rows})

    def _requests(self, payload: Row) -> Says:
        """Of as many rows as are asked for: nothing but a short page tells that it is the last one."""
        period = payload["filter"]["created_at"]
        since, to = instant(period["from"]), instant(period["to"])
        rows = [row for row in self.requests if since <= instant(row["created_at"]) <= to]
        rows = [row for row in rows if int(row["return_id"]) > payload["last_id"]]
        return Says({"returns": rows[: payload["limit"]]})

    def _part(self, rows: list[Row], cursor: str) -> tuple[list[Row], str | None]:
        start = len(rows) if cursor == "end" else int(cursor.rpartition("-")[2] or 0)
        following = start + self.page_rows
        return rows[start:following], f"{self.cursors_of}-{following}" if following < len(rows) else None

    def _list(self, name: str, rows: list[Row], cursor: str) -> Says:
        part, following = self._part(rows, cursor)
        return Says({name: part, "cursor": following or "", "has_next": following is not None})

    def paths(self, path: str) -> list[Row]:
        """What was asked at a path."""
        return [asked.payload for asked in self.asked if asked.path == path]


def within(rows: Sequence[Row], field_name: str, period: Row) -> list[Row]:
    """Rows of a period; those with a bad instant are always there."""

    def inside(row: Row) -> bool:
        try:
            at = instant(str(row.get(field_name)))
        except ValueError:
            return True
        return at.tzinfo is None or at.year < 1971 or instant(period["since"]) <= at < instant(period["to"])

    return [row for row in rows if inside(row)]


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


@dataclass
class Bench:
    """A source, its marketplace and its clock."""

    source: OzonSource
    ozon: FakeOzon
    clock: HandClock
    server: Server

    def read(self, stream: str, cursor: str | None = None, *, full: bool = False) -> list[Page]:
        return list(self.source.read(stream, cursor, full=full))


@contextmanager
def bench(**options: str) -> Iterator[Bench]:
    clock = HandClock()
    ozon = FakeOzon(clock)
    with serving(ozon) as server:
        given = {"client_id": "1234", "api_key": "key-for-tests", "base_url": server.url, "history_days": "60"}
        ozon.files = server.url
        source = OzonSource(given | options, clock.tools())
        try:
            yield Bench(source, ozon, clock, server)
        finally:
            source.close()
