"""The sales funnel: merged by card and day, on both databases, and summed by product."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from micore.domain.records import FunnelRecord, RejectedRow
from micore.domain.run_views import RunState, Trigger
from micore.services.backfills import Backfills
from micore.services.funnel import funnel_sums
from micore.services.schedule import Schedule
from micore.sources.base import Page
from micore.storage.database import Database
from tests.support.fake_ranges import RangingSource
from tests.support.fake_source import DAY, START, TellingSource, card, small_shop
from tests.support.sync_bench import SyncBench, sync_bench

TODAY = START.date()


def day(number: int, back: int = 1, **changes: Any) -> FunnelRecord:
    told = date.fromordinal(TODAY.toordinal() - back).isoformat()
    return FunnelRecord(f"{told}:card-{number}", f"card-{number}", told, 100, 10, 4, 2, 1, 3)._replace(**changes)


class FunnelSource(TellingSource, RangingSource):
    """With every stream, and days of the past; of the funnel a page a run."""

    def read(self, stream: str, cursor: str | None, *, full: bool = False) -> Iterator[Page]:
        for page in super().read(stream, cursor, full=full):
            paused = stream == "funnel" and not page.done
            yield replace(page, paused=paused)
            if paused:
                return


@pytest.fixture
def bench(migrated_url: str, tmp_path: Path) -> Iterator[SyncBench]:
    market = small_shop()
    market.funnel = [day(1), day(1, 2), day(2), day(99)]
    market.page_rows = 10
    with sync_bench(migrated_url, tmp_path, market, kind=FunnelSource) as made:
        made.service.schedule = Schedule(None, made.service.shop.zone)
        yield made


def loaded(bench: SyncBench) -> tuple[int, int]:
    run = bench.sync()
    assert run.state == RunState.DONE
    return next((each.rows_loaded, each.rows_unchanged) for each in run.streams if each.stream == "funnel")


def product(database: Database, sku: str) -> int:
    """The key of the product of a sku that belongs to no item."""
    with database.read() as connection:
        found = connection.exec_driver_sql(f"SELECT id FROM sku WHERE external_id = '{sku}'")
        return -int(found.scalar_one())


def told(bench: SyncBench, sku: str = "1", now: datetime = START) -> Any:
    key = product(bench.database, sku)
    with bench.database.read() as connection:
        return funnel_sums(connection, key, now)


def test_twice_is_once_and_what_changes_late_is_one_change(bench: SyncBench) -> None:
    assert loaded(bench) == (4, 0)
    before = bench.rows("funnel_day", order="card, day")
    assert loaded(bench) == (0, 4)
    assert bench.rows("funnel_day", order="card, day") == before
    bench.market.funnel[1] = day(1, 2, bought=3)
    assert loaded(bench) == (1, 3)
    assert [row[0] for row in bench.rows("funnel_day", "bought", order="card, day")] == [3, 2, 2, 2]


def test_a_run_that_pauses_is_green_and_the_next_one_goes_on(bench: SyncBench) -> None:
    bench.market.page_rows = 3
    run = bench.sync()
    assert run.state == RunState.DONE
    (stream,) = (each for each in run.streams if each.stream == "funnel")
    assert stream.rows_loaded == 3
    assert told(bench) is None, "nothing was read to the end"
    bench.market.clock += DAY
    assert loaded(bench) == (1, 0)
    assert told(bench).as_of == START + DAY


def test_a_change_shows_at_once(bench: SyncBench) -> None:
    loaded(bench)
    generation = bench.rows("generation", "number")
    loaded(bench)
    assert bench.rows("generation", "number") == generation
    bench.market.funnel[0] = day(1, opened=101)
    loaded(bench)
    assert bench.rows("generation", "number") > generation


def test_a_card_nobody_knows_is_kept_until_the_catalogue_tells_it(bench: SyncBench) -> None:
    loaded(bench)
    assert len(bench.rows("sku", "id")) == 8, "no product is made of it"
    bench.market.catalogue.append(card("99"))
    loaded(bench)
    assert told(bench, "99").now.opened == 100


def test_all_sizes_of_a_card_show_the_same(bench: SyncBench) -> None:
    bench.market.catalogue.append(card("11")._replace(listing_id="card-1"))
    loaded(bench)
    assert told(bench, "11") == told(bench, "1")
    assert told(bench).now.opened == 200


def test_four_weeks_beside_the_four_before(bench: SyncBench) -> None:
    bench.market.funnel = [day(1, back, opened=back) for back in (0, 1, 28, 29, 56, 57)]
    loaded(bench)
    sums = told(bench)
    assert (sums.now.opened, sums.now.days, sums.before.opened) == (29, 2, 85)
    assert (sums.now.first_day, sums.now.last_day) == (date(2026, 10, 23), date(2026, 11, 19))
    assert (sums.before.first_day, sums.before.last_day) == (date(2026, 9, 25), date(2026, 10, 22))
    assert (sums.now.to_cart, sums.now.to_order, sums.now.to_buyout) == (0.6897, 0.4, 0.6667)
    assert sums.now.response is not None


def test_orders_of_earlier_carts_are_a_share_above_the_whole(bench: SyncBench) -> None:
    bench.market.funnel = [day(1, opened=3, carted=5, ordered=9), day(2, carted=0)]
    loaded(bench)
    above, without = told(bench).now, told(bench, "2").now
    assert (above.ordered, above.to_cart, above.to_order) == (9, 1.6667, 1.8)
    assert (without.ordered, without.to_cart, without.to_order) == (4, 0.0, None), "a share of nothing is none"


def test_only_days_that_were_read_when_settled_tell_what_was_bought(bench: SyncBench) -> None:
    bench.market.funnel = [day(1, 13, bought=0, cancelled=3), day(1, 14, bought=3, cancelled=1), day(1, 40)]
    loaded(bench)
    sums = told(bench)
    assert (sums.now.bought, sums.now.cancelled, sums.now.to_buyout) == (3, 4, 0.75)
    assert sums.before.to_buyout == 0.6667
    # As it was read then: days alone make nothing settled.
    assert told(bench, now=START + DAY).now.to_buyout == 0.75
    bench.market.clock += DAY
    loaded(bench)
    assert told(bench, now=START + DAY).now.to_buyout == 0.4286


def test_days_are_those_of_the_marketplace(bench: SyncBench) -> None:
    bench.market.funnel = [day(1, 1), day(1, 0, opened=7)]
    loaded(bench)
    assert told(bench, now=datetime(2026, 11, 20, 20, 59, tzinfo=UTC)).now.opened == 100
    assert told(bench, now=datetime(2026, 11, 20, 21, 0, tzinfo=UTC)).now.opened == 107


def test_the_card_that_is_told_least_of_says_how_many_days_are_told(bench: SyncBench) -> None:
    bench.market.page_rows = 100
    bench.market.funnel = [*(day(1, back) for back in range(1, 57)), *(day(2, back) for back in (1, 2))]
    loaded(bench)
    alone = told(bench).now
    assert (alone.days, alone.incomplete) == (28, [])
    with bench.database.write() as connection:
        connection.exec_driver_sql("INSERT INTO item (id, code, name, created_at) VALUES (7, 'mug', 'Mug', 0)")
        connection.exec_driver_sql("UPDATE sku SET item_id = 7 WHERE external_id IN ('1', '2')")
    with bench.database.read() as connection:
        both = funnel_sums(connection, 7, START)
    assert both is not None
    assert both.now is not None
    assert both.before is not None
    assert (both.now.days, both.before.days) == (2, 0)
    assert [(each.source, each.account) for each in both.now.incomplete] == [("fake", "Дом и уют")]


def test_the_response_is_that_of_the_newest_day(bench: SyncBench) -> None:
    loaded(bench)
    newest = told(bench).now.response
    bench.market.funnel[1] = day(1, 2, bought=3)
    loaded(bench)
    assert told(bench).now.response == newest
    bench.market.funnel[0] = day(1, 1, bought=3)
    loaded(bench)
    assert told(bench).now.response != newest


def test_what_nobody_told_is_absent_and_never_zero(bench: SyncBench) -> None:
    bench.market.funnel = [day(1, opened=0, carted=0, ordered=0), day(2, wished=None), day(2, 2)]
    loaded(bench)
    nothing, partly = told(bench).now, told(bench, "2").now
    assert (nothing.opened, nothing.to_cart, nothing.to_order, nothing.to_buyout) == (0, None, None, None)
    assert (partly.opened, partly.wished) == (200, None), "a sum of some days would pass for all of them"
    assert told(bench, "2").before is None
    assert told(bench, "3").now is None
    with bench.database.write() as connection:
        connection.exec_driver_sql("UPDATE stream_state SET as_of = NULL WHERE stream = 'funnel'")
    assert told(bench) is None


def test_a_bad_row_waits_and_goes_when_its_day_is_told(bench: SyncBench) -> None:
    name = day(3).funnel_id
    bench.market.rejected["funnel"] = [RejectedRow(name, "openCount: received -1", b"{}")]
    assert bench.sync().state == RunState.GAPS
    assert bench.rows("quarantine", "stream", "row_key", "state") == [("funnel", name, "waiting")]
    bench.market.rejected.clear()
    bench.market.funnel.append(day(3))
    bench.market.clock += DAY
    assert loaded(bench) == (1, 4)
    assert bench.rows("quarantine", "state") == [("superseded",)]


def test_days_of_the_past_leave_newer_answers_alone(bench: SyncBench) -> None:
    loaded(bench)

    def backfill() -> tuple[int | None, int, int]:
        Backfills(bench.service).request(
            trigger=Trigger.COMMAND, source="fake", streams=["funnel"], first_day=date(2026, 11, 18), end_day=TODAY
        )
        run = bench.service.work_once()
        assert run is not None and run.state == RunState.DONE
        (stream,) = run.streams
        return stream.rows_new, stream.rows_loaded, stream.rows_unchanged

    bench.market.funnel += [day(3), day(3, 2)]
    bench.market.funnel[0] = day(1, opened=7)
    assert backfill() == (2, 3, 3)
    with bench.database.write() as connection:
        connection.exec_driver_sql("UPDATE raw_page SET received_at = received_at + 3600000000")
    bench.market.funnel[0] = day(1, opened=9)
    assert backfill()[:2] == (0, 0)
    assert told(bench).now.opened == 107
