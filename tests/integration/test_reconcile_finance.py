"""What the simulated Wildberries says that it pays, beside what is stored: equal, or what is wrong has its name."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest

from micore.domain.reconcile_views import DifferenceClass as Kind
from micore.domain.reconcile_views import DifferenceRow, Reconciliation
from micore.domain.records import FinanceKind
from micore.domain.run_views import RunState, StreamState, Trigger
from micore.domain.statements import Statement
from micore.services.reconciliations import Reconciliations
from micore.simulator import Clock, Running, Shop, serve_in_thread
from micore.simulator.wildberries import finance as simulated
from micore.sources.wildberries import WildberriesSource, own_statements
from micore.sources.wildberries import finance as reader
from tests.integration.reconcile_bench import END, FIRST, NOW, Bench, findings
from tests.support.databases import migrate, postgresql_database, postgresql_template, sqlite_template

WEEK = "booked_day >= '2026-11-09' AND booked_day <= '2026-11-15'"
SUMS = own_statements.SUMS
MEMBERS = [name for name, *_, sign in SUMS if sign]


@pytest.fixture(scope="module")
def simulator() -> Iterator[Running]:
    shop = Shop(seed=7, products=200, days=100, today=date(2026, 11, 20))
    with serve_in_thread(shop, Clock(NOW, frozen=True), limits=False) as running:
        yield running


class FinanceBench(Bench):
    """Wildberries' finances of a quarter."""

    def __init__(self, simulator: Running, url: str, root: Path, *, read: bool = True) -> None:
        super().__init__("wildberries", simulator, url, root, days=90, streams=["finance"], read=read)

    def compared(self) -> Reconciliation:
        return self.reconcile()["finance"]


class ReadOnce:
    """Databases into which the finances have been read, to be copied."""

    def __init__(self, simulator: Running, folder: Path) -> None:
        self.name = f"finances-{os.getpid()}"
        self._simulator, self._folder = simulator, folder

    def fill(self, url: str) -> None:
        """Give an empty database the newest schema and the finances."""
        migrate(url)
        FinanceBench(self._simulator, url, self._folder / "raw").close()


@pytest.fixture(scope="module")
def read_once(simulator: Running, tmp_path_factory: pytest.TempPathFactory) -> ReadOnce:
    return ReadOnce(simulator, tmp_path_factory.mktemp("finances"))


@pytest.fixture(params=["sqlite", "postgresql"])
def bench(
    request: pytest.FixtureRequest, simulator: Running, read_once: ReadOnce, tmp_path: Path
) -> Iterator[FinanceBench]:
    with copied(read_once, tmp_path) if request.param == "sqlite" else postgresql_copied(read_once) as url:
        made = FinanceBench(simulator, url, tmp_path, read=False)
        yield made
        made.close()


@pytest.fixture
def quick(simulator: Running, read_once: ReadOnce, tmp_path: Path) -> Iterator[FinanceBench]:
    with copied(read_once, tmp_path) as url:
        made = FinanceBench(simulator, url, tmp_path, read=False)
        yield made
        made.close()


@contextmanager
def copied(read_once: ReadOnce, folder: Path) -> Iterator[str]:
    shutil.copyfile(sqlite_template(read_once.name, read_once.fill), folder / "micore.db")
    yield f"sqlite:///{folder / 'micore.db'}"


@contextmanager
def postgresql_copied(read_once: ReadOnce) -> Iterator[str]:
    with postgresql_database(postgresql_template(read_once.name.replace("-", "_"), read_once.fill)) as url:
        yield url


def rows(told: Reconciliation) -> list[tuple[Kind, DifferenceRow]]:
    return [(each.kind, row) for each in told.differences for row in each.examples]


def named(told: Reconciliation) -> set[tuple[str, str | None]]:
    return {(kind.value, row.member) for kind, row in rows(told)}


def test_the_shop_is_paid_what_is_stored(bench: FinanceBench) -> None:
    told = bench.compared()
    assert told.differences == []
    assert len(told.statements) >= 11, "a quarter of whole weeks"
    assert {each.reports for each in told.statements} == {2}, "the main one and that of goods bought out"
    assert [each.ours for each in told.statements] == [each.theirs for each in told.statements]
    assert {each.theirs.currency for each in told.statements} == {"RUB"}
    seen = {one.member for each in told.statements for one in each.members}
    assert seen == {*MEMBERS, "discount"}, "every sum was there to be wrong"
    assert (told.first_day.weekday(), told.end_day) == (0, END)
    assert (told.days, told.by_report) == ([], True)
    bench.change("UPDATE reconciliation SET result = replace(result, 'by_report', 'unknown')")
    kept = {each.stream: each for each in Reconciliations(bench.service).newest()}
    assert kept["finance"].by_report, "one that an older version kept"


def flip(bench: FinanceBench, member: str) -> None:
    """Turn what is stored of a sum round."""
    for part in next(parts for name, _, parts, _ in own_statements.SUMS if name == member):
        bench.change(
            "UPDATE finance_line SET amount = -amount WHERE substr(external_id, length(booking_id) + 2) = :part",
            part=part,
        )


def test_a_sign_that_both_our_readings_have_wrong_is_found_and_named(
    bench: FinanceBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the marketplace counted a sum otherwise than its specification lets one think."""
    for member in MEMBERS:
        flipped = tuple((*each[:3], -each[3] if each[0] == member else each[3]) for each in SUMS)
        monkeypatch.setattr(own_statements, "SUMS", flipped)
        flip(bench, member)
        told = bench.compared()
        # Where two sums of a report are the same nobody can say which of them it is.
        explained = [each for each in rows(told) if each[0] is not Kind.UNEXPLAINED]
        assert {(kind.value, row.member) for kind, row in explained} == {("sign", member)}
        assert len(explained) * 2 > len(rows(told))
        flip(bench, member)


def test_a_sign_that_is_stored_wrongly_is_found_and_named(bench: FinanceBench) -> None:
    for member in MEMBERS:
        flip(bench, member)
        assert named(bench.compared()) == {("sign", member)}
        flip(bench, member)


@pytest.mark.parametrize("part", ["delivery", "schedule"])
def test_a_sign_that_our_reader_alone_has_wrong_is_found_and_named(
    simulator: Running, migrated_sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    columns = tuple((*each[:2], -each[2], each[3]) if each[0] == part else each for each in reader._COLUMNS)
    monkeypatch.setattr(reader, "_COLUMNS", columns)
    bench = FinanceBench(simulator, migrated_sqlite_url, tmp_path)
    try:
        assert named(bench.compared()) == {("sign", part)}
    finally:
        bench.close()


def test_what_is_counted_though_it_is_not_paid_is_found_and_named(
    simulator: Running, migrated_sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it was with the costs of carriage."""
    wrong = (*reader._COLUMNS, ("carriage", "quantity", -1, FinanceKind.DELIVERY))
    monkeypatch.setattr(reader, "_COLUMNS", wrong)
    bench = FinanceBench(simulator, migrated_sqlite_url, tmp_path)
    try:
        assert named(bench.compared()) == {("extra_here", "other")}
    finally:
        bench.close()


def test_a_sum_that_is_not_told_as_paid_but_is_gets_named(quick: FinanceBench, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = tuple((*each[:2], 1) if each[1] == "cashbackDiscount" else each for each in simulated._SUMS)
    monkeypatch.setattr(simulated, "_SUMS", counts)
    told = quick.compared()
    assert {(kind, row.member) for kind, row in rows(told)} == {(Kind.SIGN, "discount")}
    (example, *_) = [row for _, row in rows(told)]
    assert example.ours_money is not None
    assert example.ours_money.amount == "0.00"


def test_lost_changed_and_foreign_amounts_are_named_with_their_report_and_their_money(bench: FinanceBench) -> None:
    gone = bench.first(
        f"SELECT external_id AS id, amount FROM finance_line WHERE kind = 'storage' AND {WEEK} ORDER BY 1 LIMIT 1"
    )
    bench.change("DELETE FROM finance_line WHERE external_id = :id", id=gone.id)
    told = bench.compared()
    ((kind, row),) = rows(told)
    assert (kind, row.member, row.day, row.last_day) == (
        Kind.AMOUNT, "storage", date(2026, 11, 9), date(2026, 11, 15),
    )  # fmt: skip
    (money,) = told.differences[0].amounts
    assert (round(float(money.amount) * 10_000), money.currency) == (gone.amount, "RUB")
    run = bench.first("SELECT message FROM run_stream WHERE stream = 'finance' ORDER BY run_id DESC LIMIT 1")
    assert "amount 1: storage" in run.message

    bench.change(
        "UPDATE finance_line SET currency = 'BYN' WHERE external_id = (SELECT min(external_id) FROM finance_line "
        f"WHERE kind = 'delivery' AND {WEEK})"
    )
    assert {(kind.value, row.member) for kind, row in rows(bench.compared())} == {
        ("amount", "storage"), ("amount", "delivery"), ("extra_here", "payout"),
    }  # fmt: skip


def test_two_currencies_are_two_reports(bench: FinanceBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """All reports once more in another currency, on both sides."""
    whole = WildberriesSource.own_statements

    def in_two(self: WildberriesSource, first_day: date, end_day: date) -> list[Statement]:
        told = [*whole(self, first_day, end_day)]
        return [*told, *(each._replace(currency="BYN") for each in told)]

    monkeypatch.setattr(WildberriesSource, "own_statements", in_two)
    columns = "account_id, booking_id, sku_id, order_id, booked_day, kind, amount, name, known_from, raw_page_id"
    bench.change(
        f"INSERT INTO finance_line (external_id, currency, {columns}) "
        "SELECT '9' || external_id, 'BYN', account_id, '9' || booking_id, sku_id, order_id, booked_day, kind, amount, "
        "name, known_from, raw_page_id FROM finance_line"
    )
    told = bench.compared()
    assert told.differences == []
    assert {each.theirs.currency for each in told.statements} == {"RUB", "BYN"}
    bench.change(f"DELETE FROM finance_line WHERE currency = 'BYN' AND kind = 'storage' AND {WEEK}")
    ((_, row),) = rows(bench.compared())
    assert row.theirs_money is not None
    assert (row.member, row.theirs_money.currency, row.ours_money) == ("storage", "BYN", None)


def test_a_report_that_is_not_read_is_no_wrong_amount(bench: FinanceBench) -> None:
    bench.change(f"DELETE FROM finance_line WHERE {WEEK}")
    told = bench.compared()
    assert findings(told) == {"unread": 1}
    assert [(each.theirs is None, each.ours) for each in told.statements][-1] == (False, None)
    # A whole reading of the day before excuses a report that was made since.
    made = int((NOW - timedelta(hours=20)).timestamp() * 1_000_000)
    bench.change("UPDATE stream_state SET as_of = :as_of WHERE stream = 'finance'", as_of=made)
    assert findings(bench.compared()) == {"unread": 1}, "it was made on the 16th"


def test_a_report_made_since_the_last_reading_is_late(
    simulator: Running, migrated_sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = FinanceBench(simulator, migrated_sqlite_url, tmp_path)
    try:
        bench.change(f"DELETE FROM finance_line WHERE {WEEK}")
        whole = WildberriesSource.own_statements

        def made_today(self: WildberriesSource, first_day: date, end_day: date) -> list[Statement]:
            last = "2026-11-15"
            return [
                each._replace(made_on="2026-11-20") if each.last_day == last else each
                for each in whole(self, first_day, end_day)
            ]

        monkeypatch.setattr(WildberriesSource, "own_statements", made_today)
        told = bench.compared()
        assert (told.findings, [each.kind for each in told.differences]) == (0, [Kind.LATE])
    finally:
        bench.close()


def test_reports_from_before_what_is_read_are_compared_only_if_asked_for(bench: FinanceBench) -> None:
    bench.change("DELETE FROM finance_line WHERE booked_day < '2026-11-04'")
    told = bench.compared()
    assert told.differences == []
    assert [each.first_day for each in told.statements] == [date(2026, 11, 9)], "the week of the 2nd is not here whole"
    desk = Reconciliations(bench.service)
    desk.request(trigger=Trigger.COMMAND, source="wildberries", first_day=date(2026, 10, 27), end_day=END)
    bench.service.work_once()
    told = {each.stream: each for each in desk.newest()}["finance"]
    assert {(kind.value, row.day.isoformat()) for kind, row in rows(told) if row.day} == {
        ("unread", "2026-10-26"), ("unread", "2026-11-02"),
    }  # fmt: skip


def test_a_row_in_quarantine_is_the_reason_for_its_report(bench: FinanceBench) -> None:
    gone = bench.first(f"SELECT booking_id AS id FROM finance_line WHERE kind = 'sale' AND {WEEK} ORDER BY 1 LIMIT 1")
    bench.change("DELETE FROM finance_line WHERE booking_id = :id", id=gone.id)
    row = msgspec.json.encode({"rrdId": gone.id, "dateTo": "2026-11-15", "rrDate": "soon"})
    bench.change(
        "INSERT INTO quarantine (account_id, stream, run_id, row_key, reason, bytes, received_at) "
        "SELECT max(account_id), 'finance', 1, :id, 'rrDate', :row, 1 FROM finance_line",
        id=gone.id,
        row=row,
    )
    told = bench.compared()
    assert findings(told) == {"quarantined": 1}
    assert rows(told)[0][1].member == "for_pay"
    bench.change("UPDATE quarantine SET state = 'dropped'")
    assert findings(bench.compared()) == {"amount": 1}


def test_silence_is_no_agreement(bench: FinanceBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WildberriesSource, "own_statements", lambda self, first_day, end_day: [])
    desk = Reconciliations(bench.service)
    desk.request(trigger=Trigger.COMMAND, source="wildberries", first_day=FIRST, end_day=END)
    done = bench.service.work_once()
    assert done is not None
    assert done.state == RunState.GAPS
    assert {each.stream for each in desk.newest() if each.compared} == {"orders", "sales", "stock"}
    (told,) = [each for each in done.streams if each.stream == "finance"]
    assert told.state == StreamState.FAILED
    assert "nothing could be compared" in (told.message or "")
    bench.change("DELETE FROM finance_line")
    assert bench.compared().statements == [], "where nothing is stored there is nothing to refuse"


def test_a_result_from_before_money_was_told_is_still_shown(quick: FinanceBench) -> None:
    told = quick.compared()
    old = msgspec.to_builtins(replace(told, statements=[]))
    del old["statements"]
    old["differences"] = [{"kind": "late", "harmless": True, "rows": 1, "units": 1, "amount": "7.00", "examples": []}]
    quick.change(
        "UPDATE reconciliation SET result = :result WHERE stream = 'finance'", result=msgspec.json.encode(old).decode()
    )
    (kept,) = [each for each in Reconciliations(quick.service).newest() if each.stream == "finance"]
    assert (kept.statements, kept.differences[0].amounts) == ([], [])
