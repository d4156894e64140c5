"""Our side of a reconciliation, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import msgspec
from sqlalchemy import Connection, case, func, insert, select, text

from micore.domain.instants import instant
from micore.domain.reconcile_views import FailedAttempt, Reconciliation
from micore.domain.reconciling import Line
from micore.domain.run_views import Trigger
from micore.domain.sold import ACCRUED, COMMISSION, RETURN, SALE, Sold, SumKey
from micore.domain.units import MILLI
from micore.storage.runs import OPEN, SyncParams
from micore.storage.tables import (
    account,
    finance_line,
    order_line,
    place,
    quarantine,
    reconciliation,
    run,
    run_stream,
    sale,
    sku,
    source_key,
    stock,
    stream_state,
)

KIND = "reconcile"


def enqueue(connection: Connection, *, source: str, trigger: Trigger, params: SyncParams, now: int) -> int:
    """The id of a new reconciliation of a source, or of the one that is open already."""
    found = None
    while found is None:
        connection.execute(
            text(
                "INSERT INTO run (kind, source, state, trigger, params, created_at) "
                "VALUES ('reconcile', :source, 'queued', :trigger, :params, :now) ON CONFLICT DO NOTHING"
            ),
            {"source": source, "trigger": trigger.value, "params": params.dump(), "now": now},
        )
        found = connection.execute(
            select(run.c.id).where(run.c.source == source, run.c.kind == KIND, run.c.state.in_(OPEN))
        ).scalar()
    return int(found)


def our_lines(connection: Connection, account_id: int, *, since: int, to: int) -> list[Line]:
    """Order lines of an account by the instant of their order."""
    rows = connection.execute(
        select(
            order_line.c.order_id,
            sku.c.external_id,
            order_line.c.ordered_at,
            order_line.c.quantity,
            order_line.c.price,
            order_line.c.state,
            place.c.external_id.label("place_id"),
        )
        .join(sku, sku.c.id == order_line.c.sku_id)
        .outerjoin(place, place.c.id == order_line.c.place_id)
        .where(order_line.c.account_id == account_id, order_line.c.ordered_at >= since, order_line.c.ordered_at < to)
    )
    return [Line(*row[:5], row.state == "cancelled", row.place_id) for row in rows]


def our_stock(connection: Connection, account_id: int) -> dict[tuple[str, str, str], int]:
    """What can be sold, by scheme, sku and the place's own id; what nobody tells is left out."""
    rows = connection.execute(
        select(place.c.scheme, sku.c.external_id, place.c.external_id, func.sum(stock.c.available))
        .select_from(stock.join(sku, sku.c.id == stock.c.sku_id).join(place, place.c.id == stock.c.place_id))
        .where(sku.c.account_id == account_id, stock.c.available.is_not(None))
        .group_by(place.c.scheme, sku.c.external_id, place.c.external_id)
    )
    return {(row[0], row[1], row[2]): int(row[3]) for row in rows}


def our_sold(connection: Connection, account_id: int, *, since: str) -> list[Sold]:
    """What became of each order's units by the sales of an account since a day: bought, or given back since. For
    sources whose sales say which of these they are."""
    back = sale.c.order_state == "returned"
    rows = connection.execute(
        select(
            sale.c.order_id,
            sku.c.external_id,
            func.max(case((~back, sale.c.sold_day))),
            func.max(case((back, sale.c.sold_day))),
            func.sum(case((back, 0), else_=1)),
            func.sum(case((back, 1), else_=0)),
        )
        .join(sku, sku.c.id == sale.c.sku_id)
        .where(sale.c.account_id == account_id, sale.c.sold_day >= since, sale.c.order_id.is_not(None))
        .group_by(sale.c.order_id, sku.c.external_id)
    )
    return [
        Sold(order, of, back_day or sold_day, back_day is not None, int(sales) * MILLI, int(returns) * MILLI)
        for order, of, sold_day, back_day, sales, returns in rows
    ]


def our_sold_sums(connection: Connection, account_id: int, *, since: str, to: str) -> dict[SumKey, int]:
    """What sales, returns and the commission on both come to by day and currency. `to` is left out; sums of which
    nothing is stored too."""
    rows = connection.execute(
        select(
            sale.c.sold_day,
            sale.c.currency,
            func.sum(case((sale.c.amount >= 0, sale.c.amount))),
            func.sum(case((sale.c.amount < 0, sale.c.amount))),
            func.sum(sale.c.commission),
        )
        .where(sale.c.account_id == account_id, sale.c.sold_day >= since, sale.c.sold_day < to)
        .group_by(sale.c.sold_day, sale.c.currency)
    )
    return {
        (day, member, currency): int(amount)
        for day, currency, *amounts in rows
        for member, amount in zip((SALE, RETURN, COMMISSION), amounts, strict=True)
        if amount is not None
    }


def our_booked_sums(connection: Connection, account_id: int, *, since: str, to: str) -> dict[SumKey, int]:
    """What all amounts of an account come to by day and currency. `to` is left out; days without any too."""
    line = finance_line
    rows = connection.execute(
        select(line.c.booked_day, line.c.currency, func.sum(line.c.amount))
        .where(line.c.account_id == account_id, line.c.booked_day >= since, line.c.booked_day < to)
        .group_by(line.c.booked_day, line.c.currency)
    )
    return {(day, ACCRUED, currency): int(amount) for day, currency, amount in rows}


def place_names(connection: Connection, account_id: int) -> dict[str, str]:
    """The names of an account's places by their own ids."""
    rows = connection.execute(select(place.c.external_id, place.c.name).where(place.c.account_id == account_id))
    return {row.external_id: row.name for row in rows}


def ordered_since(connection: Connection, account_id: int, *, since: int) -> dict[str, int]:
    """Thousandths ordered of each sku of an account since an instant, cancelled ones included."""
    rows = connection.execute(
        select(sku.c.external_id, func.sum(order_line.c.quantity))
        .select_from(order_line.join(sku, sku.c.id == order_line.c.sku_id))
        .where(order_line.c.account_id == account_id, order_line.c.ordered_at >= since)
        .group_by(sku.c.external_id)
    )
    return {row[0]: int(row[1]) for row in rows}


def read_to(connection: Connection, account_id: int, stream: str) -> int | None:
    """Up to when a stream has been read whole, by the marketplace's clock; None for never."""
    found = connection.execute(
        select(stream_state.c.as_of).where(stream_state.c.account_id == account_id, stream_state.c.stream == stream)
    ).scalar()
    return None if found is None else int(found)


def quarantined(connection: Connection, account_id: int, stream: str) -> set[str]:
    """What the rejected rows that still wait name themselves."""
    rows = connection.execute(
        select(quarantine.c.row_key).where(
            quarantine.c.state == "waiting", quarantine.c.account_id == account_id, quarantine.c.stream == stream
        )
    )
    return set(rows.scalars())


MOST_WAITING = 10_000
"""Of so many rejected rows it is asked which report they are of."""


def waiting_rows(connection: Connection, account_id: int, stream: str) -> list[bytes]:
    """The rejected rows that still wait, as they came; the newest of them."""
    rows = connection.execute(
        select(quarantine.c.bytes)
        .where(quarantine.c.state == "waiting", quarantine.c.account_id == account_id, quarantine.c.stream == stream)
        .order_by(quarantine.c.id.desc())
        .limit(MOST_WAITING)
    )
    return list(rows.scalars())


def first_booked(connection: Connection, account_id: int) -> str | None:
    """The first day that an amount of the account with the marketplace is stored of; None for no amount at all."""
    found = connection.execute(
        select(func.min(finance_line.c.booked_day)).where(finance_line.c.account_id == account_id)
    )
    day: str | None = found.scalar()
    return day


def our_amounts(connection: Connection, account_id: int, *, since: str, to: str) -> dict[tuple[str, str, str], int]:
    """Amounts by day, currency and part: what they are called behind their booking's id. `to` is left out."""
    line = finance_line
    part = func.substr(line.c.external_id, func.length(line.c.booking_id) + 2)
    rows = connection.execute(
        select(line.c.booked_day, line.c.currency, part, func.sum(line.c.amount))
        .where(line.c.account_id == account_id, line.c.booked_day >= since, line.c.booked_day < to)
        .group_by(line.c.booked_day, line.c.currency, part)
    )
    return {(row[0], row[1], row[2]): int(row[3]) for row in rows}


def save(connection: Connection, result: Reconciliation, *, account_id: int, now: int) -> None:
    """Keep what came of one stream; a worker that begins anew replaces it."""
    key = {"run_id": result.run_id, "stream": result.stream}
    connection.execute(
        reconciliation.delete().where(
            reconciliation.c.run_id == result.run_id, reconciliation.c.stream == result.stream
        )
    )
    dumped = msgspec.json.encode(result).decode()
    connection.execute(insert(reconciliation).values(**key, account_id=account_id, checked_at=now, result=dumped))


def newest(connection: Connection) -> list[Reconciliation]:
    """The newest one of each account and stream, and behind them what was asked for and never came to anything."""
    last = (
        select(func.max(reconciliation.c.run_id))
        .group_by(reconciliation.c.account_id, reconciliation.c.stream)
        .scalar_subquery()
    )
    query = select(reconciliation.c.result).join(run, run.c.id == reconciliation.c.run_id)
    query = query.where(reconciliation.c.run_id.in_(last))
    rows = connection.execute(query.order_by(run.c.source, reconciliation.c.run_id, reconciliation.c.stream))
    found = [msgspec.json.decode(each, type=Reconciliation) for each in rows.scalars()]
    latest = {(each.source, each.account, each.stream): each for each in found}
    failed = _failed(connection)
    results = [_today(each, failed) for each in latest.values()]
    # That no second figure was read once says nothing of a stream that has been asked for since, in vain.
    results = [each for each in results if each.compared or each.failed is None]
    compared = {(each.source, each.stream) for each in results}
    return results + [each for key, each in failed.items() if key not in compared]


def _today(result: Reconciliation, failed: Mapping[tuple[str, str], Reconciliation]) -> Reconciliation:
    # An older version kept statements and did not say that they are the way of comparing.
    by_report = result.by_report or bool(result.statements)
    return replace(result, failed=_after(result, failed), by_report=by_report)


def _after(result: Reconciliation, failed: Mapping[tuple[str, str], Reconciliation]) -> FailedAttempt | None:
    found = failed.get((result.source, result.stream))
    return found.failed if found is not None and found.run_id > result.run_id else None


def _failed(connection: Connection) -> dict[tuple[str, str], Reconciliation]:
    """By source and stream the last attempt that failed, of that stream or of the whole run before it came to it, as
    it is shown where nothing was ever compared."""
    # A key that was refused names no account: it is of the one that this source has read until now.
    account_id = func.coalesce(run.c.account_id, source_key.c.account_id)
    rows = connection.execute(
        select(
            run.c.id,
            run.c.source,
            run.c.finished_at,
            run.c.message,
            run.c.params,
            account.c.name,
            run_stream.c.stream,
            run_stream.c.state,
            run_stream.c.message.label("of_stream"),
        )
        .outerjoin(run_stream, run_stream.c.run_id == run.c.id)
        .outerjoin(source_key, source_key.c.slot == run.c.source)
        .outerjoin(account, account.c.id == account_id)
        .where(run.c.kind == KIND, run.c.state.in_(("gaps", "failed")))
        .order_by(run.c.id, run_stream.c.position)
    )
    found: dict[tuple[str, str], Reconciliation] = {}
    for row in rows:
        if row.state not in {None, "failed", "skipped"}:
            continue
        params = SyncParams.parse(row.params)
        assert params.first_day is not None and params.end_day is not None
        for stream in (row.stream,) if row.stream else params.streams or ():
            found[row.source, stream] = Reconciliation(
                run_id=row.id,
                source=row.source,
                account=row.name or row.source,
                stream=stream,
                first_day=date.fromisoformat(params.first_day),
                end_day=date.fromisoformat(params.end_day),
                checked_at=None,
                findings=0,
                days=[],
                differences=[],
                compared=False,
                failed=FailedAttempt(row.id, instant(row.finished_at), row.of_stream or row.message or ""),
            )
    return found
