"""Wildberries' report of what is left in its warehouses: asked for, waited for, downloaded."""

from __future__ import annotations

from dataclasses import dataclass

from micore.simulator.clock import SECOND_US
from micore.simulator.http import Answer, Request, json_answer
from micore.simulator.shop.places import Kind
from micore.simulator.wildberries.tasks import Tasks
from micore.simulator.wildberries.view import View
from micore.simulator.wildberries.wire import Body, refused_report, request_id

_GROUPINGS = ("groupByBrand", "groupBySubject", "groupBySa", "groupByNm", "groupByBarcode", "groupBySize")
READY_US = (300 * SECOND_US, 1800 * SECOND_US)
"""So long the report takes: 5 to 30 minutes."""


@dataclass(frozen=True)
class Wish:
    """What the report shall show."""

    groups: frozenset[str]
    large_only: bool


class Remains:
    """The reports asked for so far."""

    def __init__(self, *, limits: bool) -> None:
        self._tasks: Tasks[Wish] = Tasks(limits=limits, ready_us=READY_US)
        self.status = self._tasks.status

    def create(self, view: View, request: Request) -> Answer:
        """GET /api/v1/warehouse_remains"""
        number = request_id(request, view.now_us)
        groups = set()
        for name in _GROUPINGS:
            value = request.query.get(name, "false")
            if value not in {"true", "false"}:
                why = "empty value is not allowed" if not value else f"value {value} is not a boolean"
                raise refused_report(400, f'parameter "{name}" in query has an error: {why}', number)
            if value == "true":
                groups.add(name)
        volume = request.query.get("filterVolume", "0")
        if volume not in {"-1", "0", "3"} or request.query.get("filterPics", "0") not in {"-1", "0", "1"}:
            raise refused_report(400, "parameter in query has an error: value is not one of the allowed values", number)
        return self._tasks.add(view, request, Wish(frozenset(groups), volume == "3"))

    def download(self, view: View, request: Request) -> Answer:
        """GET /api/v1/warehouse_remains/tasks/{task_id}/download"""
        task = self._tasks.ready(view, request)
        rows = _rows(view.at(task.asked_us), task.wish)
        return json_answer(rows) if rows else Answer(204, b"")


def _rows(view: View, wish: Wish) -> list[Body]:
    """Sums per wanted grouping, pseudo rows of goods on their way and of the total first, as on the real side."""
    pairs = view.pairs(Kind.WB_OWN)
    free = view.books.available.at(pairs, view.now_us)
    going = view.books.to_client.at(pairs, view.now_us)
    coming = view.books.from_client.at(pairs, view.now_us)
    sums: dict[tuple[tuple[str, object], ...], list[int]] = {}
    for row, pair in enumerate(pairs.tolist()):
        k = int(view.shop.pairs.product[pair])
        card = view.card(k)
        if wish.large_only and card.litres <= 3:
            continue
        total = sums.setdefault(tuple(_labels(view, k, wish.groups).items()), [0, 0, 0])
        for position, column in enumerate((going, coming, free)):
            total[position] += int(column[row])
    rows = []
    for labels, (to_client, from_client, stored) in sums.items():
        named = (
            ("В пути до получателей", to_client),
            ("В пути возвраты на склад WB", from_client),
            ("Всего находится на складах", stored),
            ("Склад WB РФ", stored),
        )
        warehouses = [{"warehouseName": name, "quantity": quantity} for name, quantity in named if quantity]
        if warehouses:
            rows.append({**dict(labels), "warehouses": warehouses})
    return rows


def _labels(view: View, k: int, groups: frozenset[str]) -> Body:
    card = view.card(k)
    labels: Body = {}
    if "groupByBrand" in groups:
        labels["brand"] = card.brand
    if "groupBySubject" in groups:
        labels["subjectName"] = card.category.name
    if "groupBySa" in groups:
        labels["vendorCode"] = card.vendor_code
    if "groupByNm" in groups:
        labels["nmId"] = int(view.goods.nm_id[k])
        labels["volume"] = card.litres
    if "groupByBarcode" in groups:
        labels["barcode"] = card.wb_barcodes[0]
    if "groupBySize" in groups:
        labels["techSize"] = card.tech_size
    return labels
