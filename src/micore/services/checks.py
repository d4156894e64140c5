"""Checks of a stream that has been read: is its volume usual, and what else should a person know of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from micore.domain.findings import Finding, FindingKind
from micore.domain.instants import micros
from micore.domain.volumes import MOST_HISTORY, Usual, said, too_few, usual
from micore.services.comparing import MOSCOW
from micore.services.sync_work import SyncWork
from micore.storage import identity, summary, volumes
from micore.storage.database import Connection
from micore.storage.volumes import BELIEVED, DOUBTED
from micore.telemetry import metrics

EXAMPLES = 3


def doubted_reading(work: SyncWork, connection: Connection, stream: str, scope: str, rows: int) -> Finding | None:
    """What is to be said of a whole reading of a listing or a scope that has too few rows; remembers it either way."""
    today = work.today()
    days = volumes.history(connection, work.account_id, stream, scope, today, weeks=MOST_HISTORY)
    believed = [each.rows for each in days if each.state == BELIEVED]
    held = days[-1].rows if days and days[-1].state == DOUBTED else None
    expected = too_few(rows, _same_weekday(days, today), believed[-1] if believed else None, held)
    doubted = expected is not None and not work.params.believe
    _remember(work, connection, stream, scope, today, rows, doubted=doubted)
    if expected is None or not doubted:
        return None
    return _too_few(f"{stream} {scope.upper()}".strip(), rows, expected, today, of_day=False)


def doubted_days(work: SyncWork, connection: Connection, stream: str) -> list[Finding]:
    """What is to be said of complete days of a stream that have too few rows; remembers what was counted.

    A day is complete once a whole reading began after it. The first reading only fills the history.
    """
    if stream not in volumes.DAYS:
        return []
    account_id, today = work.account_id, work.today()
    newest = volumes.newest_day(connection, account_id, stream)
    doubted = volumes.doubted_days(connection, account_id, stream)
    since = min([*doubted, newest + timedelta(days=1)]) if newest else today - timedelta(weeks=MOST_HISTORY)
    if since >= today:
        return []
    rows, last_id = volumes.counted(connection, account_id, stream, since, today)
    if newest is None:
        known = [volumes.Counted(day, rows[day], BELIEVED) for day in sorted(rows)]
        volumes.remember(connection, account_id, stream, "", known, counted_day=today, last_id=last_id)
        return []
    fresh = [newest + timedelta(days=after) for after in range(1, (today - newest).days)]
    found: list[Finding] = []
    for day in [*doubted, *fresh]:
        told = rows.get(day, 0)
        days = volumes.history(connection, account_id, stream, "", day, weeks=MOST_HISTORY)
        same = _same_weekday(days, day)
        held = days[-1].rows if days and days[-1].day == day else None
        expected = too_few(told, same, same[-1] if same else None, held)
        is_doubted = expected is not None and not work.params.believe
        _remember(work, connection, stream, "", day, told, doubted=is_doubted, last_id=last_id)
        if stream == "orders" and is_doubted != (day in doubted):
            # Sums leave a doubted day out, and take it in again.
            summary.mark_dirty(connection, volumes.products_of_day(connection, account_id, day))
        if expected is not None and is_doubted:
            found.append(_too_few(stream, told, expected, day, of_day=True))
    return found


def judge_counted(work: SyncWork, connection: Connection, stream: str, day: date, rows: int) -> bool:
    """Whether a day that has just been told whole is no longer, or not any more, believed; remembers what came.

    What was believed of any day last is not doubted of another: who sells half as much is asked twice, not each day.
    """
    days = volumes.history(connection, work.account_id, stream, "", max(day, work.today()), weeks=MOST_HISTORY)
    known = {each.day: each for each in days}
    believed = next((each for each in reversed(days) if each.state == BELIEVED and each.day != day), None)
    held = known[day].rows if day in known and known[day].state == DOUBTED else None
    expected = too_few(rows, _same_weekday(days, day), believed.rows if believed else None, held)
    if rows == 0 and held != 0 and not (believed and believed.rows == 0 and _of_cards(work, connection, believed.day)):
        expected = expected or _of_cards(work, connection, day)
    doubted = expected is not None and not work.params.believe
    _remember(work, connection, stream, "", day, rows, doubted=doubted)
    return doubted is not (day in known and known[day].state == DOUBTED)


def counted_doubt(work: SyncWork, connection: Connection, stream: str, day: date) -> Finding | None:
    """What is to be said of a day that `judge_counted` did not believe."""
    days = volumes.history(connection, work.account_id, stream, "", day, weeks=MOST_HISTORY)
    if not days or days[-1].day != day or days[-1].state != DOUBTED:
        return None
    expected = usual(_same_weekday(days, day)) or _of_cards(work, connection, day)
    return None if expected is None else _too_few(stream, days[-1].rows, expected, day, of_day=True)


def _of_cards(work: SyncWork, connection: Connection, day: date) -> Usual | None:
    """What is expected of a day by the cards that were there before it; None where there were none."""
    cards = identity.cards_before(connection, work.account_id, micros(datetime.combine(day, time(), MOSCOW)))
    return Usual(1, cards, 1) if cards else None


def _same_weekday(days: Sequence[volumes.Counted], day: date) -> list[int]:
    return [
        each.rows for each in days if each.state == BELIEVED and each.day < day and each.day.weekday() == day.weekday()
    ]


def _remember(
    work: SyncWork,
    connection: Connection,
    stream: str,
    scope: str,
    day: date,
    rows: int,
    *,
    doubted: bool,
    last_id: int = 0,
) -> None:
    counted = volumes.Counted(day, rows, DOUBTED if doubted else BELIEVED)
    volumes.remember(connection, work.account_id, stream, scope, [counted], counted_day=work.today(), last_id=last_id)


def _too_few(what: str, rows: int, expected: Usual, day: date, *, of_day: bool) -> Finding:
    return Finding(
        FindingKind.TOO_FEW_ROWS,
        f"{said(what, rows, expected, day, of_day=of_day)}.",
        {
            "rows": str(rows),
            "low": str(expected.low),
            "high": str(expected.high),
            "day": day.isoformat(),
            "of_day": "yes" if of_day else "no",
        },
    )


def unknown_skus(skus: Sequence[str]) -> Finding:
    """What is to be said of skus that the catalogue does not hold."""
    shown = ", ".join(skus[:EXAMPLES]) + (" ..." if len(skus) > EXAMPLES else "")
    return Finding(
        FindingKind.UNKNOWN_SKUS,
        f"{len(skus):,} skus are not in the catalogue ({shown}); they are shown under their numbers.",
        {"count": str(len(skus)), "examples": shown},
    )


def count_metrics(source: str, stream: str, found: Sequence[Finding]) -> None:
    """Each finding counts once."""
    for each in found:
        metrics.FINDINGS.labels(source, stream, each.kind.value).inc()
