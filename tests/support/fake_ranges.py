"""The marketplace in memory, asked for days of the past."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime

from micore.domain.records import OrderRecord, Record
from micore.sources.base import Page, Stream, StreamKind
from micore.sources.ranges import Keeping, RangePlan, not_by_date
from tests.support.fake_source import FakeSource

KEPT = {
    "orders": Keeping(2, 1, 60.0, 2, kept_days=90),
    "sales": Keeping(1, 1, 60.0, 1),
    "finance": Keeping(1, 1, 60.0, 1),
    "funnel": Keeping(1, 1, 20.0, 3),
}


def day_of(record: Record) -> date:
    if isinstance(record, OrderRecord):
        return datetime.fromtimestamp(record.ordered_at / 1e6, UTC).date()
    return date.fromisoformat(record.day)  # type: ignore[union-attr]


class RangingSource(FakeSource):
    """As FakeSource; orders, sales, finances and the funnel can be asked for by day, supplies cannot."""

    streams = (
        *FakeSource.streams,
        Stream("supplies", StreamKind.INCREMENTAL),
        Stream("finance", StreamKind.INCREMENTAL),
    )

    def plan_range(self, stream: str, first_day: date, end_day: date, *, today: date) -> RangePlan:
        terms = KEPT.get(stream)
        return not_by_date(stream) if terms is None else terms.plan(first_day, end_day, today=today)

    def read_range(self, stream: str, first_day: date, end_day: date, cursor: str | None) -> Iterator[Page]:
        market = self._market
        market.reads.append((f"{stream} {first_day}", cursor))
        rows = [each for each in getattr(market, stream) if first_day <= day_of(each) < end_day]
        begin = json.loads(cursor)["row"] if cursor else 0
        starts = range(begin, max(len(rows), begin + 1), market.page_rows)
        for number, start in enumerate(starts):
            market.on_page(f"{stream} {first_day}", number)
            end = start + market.page_rows
            rejected = () if number else market.rejected.get(stream, ())
            page = self._page(stream, number, None, "", rows[start:end], True, rejected, market.clock)
            last = end >= len(rows)
            whole = market.whole.get(stream, ()) if last and rows else ()
            yield replace(page, cursor=json.dumps({"row": end}), done=last, whole_of=whole)
