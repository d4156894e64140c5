"""What a marketplace says that it pays, report by report, beside the amounts that are stored here."""

from __future__ import annotations

from datetime import date, timedelta

from micore.domain.instants import DayTurner
from micore.domain.reconcile_views import MemberCompared, StatementCompared
from micore.domain.statements import Compared as Pair
from micore.domain.statements import Stored, compare_statements
from micore.domain.units import Money, shown_money
from micore.services.comparing import MOSCOW, Compared, recent, refuse_silence
from micore.services.sync_work import SyncWork
from micore.sources.own_figures import OwnStatementsSource
from micore.storage import reconciliations

STREAM = "finance"
USUAL = timedelta(days=91)
"""Reports come once a week, and some sums once in months: so far back they are compared where they are read here."""


def compare_finance(work: SyncWork, source: OwnStatementsSource, first_day: date, end_day: date) -> Compared:
    """The reports of the days asked for, and of the quarter before as far as it is read here. Raises what the source
    raises."""
    with work.database.read() as connection:
        since = reconciliations.first_booked(connection, work.account_id)
    first = first_day
    if since is not None:
        first = min(first_day, max(end_day - USUAL, date.fromisoformat(since)))
    told = source.own_statements(first, end_day)
    # A report that began before, and none of whose days was asked for, is not here whole: compared with nothing.
    asked = [each for each in told if each.last_day >= first_day.isoformat() or each.first_day >= first.isoformat()]
    passed = [date.fromisoformat(each.last_day) + timedelta(days=1) for each in told if each not in asked]
    begin = min([max([first, *passed]), *(date.fromisoformat(each.first_day) for each in asked)])
    end = max([end_day, *(date.fromisoformat(each.last_day) + timedelta(days=1) for each in asked)])
    stored = _stored(work, source, since, begin, end)
    refuse_silence(source, STREAM, told=bool(told), here=bool(stored.amounts))
    pairs, differences = compare_statements(asked, stored)
    return Compared([], differences, len(asked), [_shown(pair) for pair in pairs], by_report=True, range=(begin, end))


def _stored(work: SyncWork, source: OwnStatementsSource, since: str | None, begin: date, end: date) -> Stored:
    with work.database.read() as connection:
        amounts = reconciliations.our_amounts(connection, work.account_id, since=begin.isoformat(), to=end.isoformat())
        read_to = recent(work, reconciliations.read_to(connection, work.account_id, STREAM))
        rows = reconciliations.waiting_rows(connection, work.account_id, STREAM)
    days = {source.statement_day(row) for row in rows}
    return Stored(
        amounts,
        since,
        None if read_to is None else DayTurner(MOSCOW).day(read_to),
        {None if day is None else day.isoformat() for day in days},
    )


def _shown(pair: Pair) -> StatementCompared:
    statement = pair.statement
    return StatementCompared(
        first_day=date.fromisoformat(statement.first_day),
        last_day=date.fromisoformat(statement.last_day),
        made_on=date.fromisoformat(statement.made_on),
        reports=statement.reports,
        theirs=_money(statement.paid, statement.currency),
        ours=shown_money(pair.ours, statement.currency),
        members=[
            MemberCompared(
                member.name,
                _money(member.counted if member.sign else member.told, statement.currency),
                shown_money(pair.of(member), statement.currency),
                counted=member.sign != 0,
            )
            for member in statement.members
            if member.told or pair.of(member)
        ],
    )


def _money(amount: int, currency: str) -> Money:
    shown = shown_money(amount, currency)
    assert shown is not None
    return shown
