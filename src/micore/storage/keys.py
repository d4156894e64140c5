"""Which account each slot's key is of, until when, and what a marketplace has against it. Never the key."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select, text, update

from micore.storage.runs import newest_as_of
from micore.storage.tables import account, source_key


@dataclass(frozen=True, slots=True)
class KeyRow:
    """What is known of a slot's key; instants in microseconds."""

    slot: str
    account_id: int | None
    expires_at: int | None
    problem: str | None
    remedy: str | None
    checked_at: int


def keys(connection: Connection) -> dict[str, KeyRow]:
    """Every key that was ever tried, by slot; also of slots that the settings no longer name."""
    columns = [source_key.c[name] for name in KeyRow.__dataclass_fields__]
    return {row.slot: KeyRow(*row) for row in connection.execute(select(*columns))}


def accepted(connection: Connection, slot: str, account_id: int, *, expires_at: int | None, now: int) -> int | None:
    """Note that a slot's key is of this account. Returns the account it was of before, where that is another one."""
    before = connection.execute(select(source_key.c.account_id).where(source_key.c.slot == slot)).scalar()
    _note(connection, slot, account_id=account_id, expires_at=expires_at, problem=None, remedy=None, checked_at=now)
    connection.execute(
        update(account).where(account.c.id == account_id, account.c.left_at.is_not(None)).values(left_at=None)
    )
    return before if before not in (None, account_id) else None


def refused(connection: Connection, slot: str, *, problem: str, remedy: str | None, now: int) -> None:
    """Note that a marketplace refuses a slot's key; whose it was stays known."""
    _note(connection, slot, problem=problem, remedy=remedy, checked_at=now)


def _note(connection: Connection, slot: str, **values: int | str | None) -> None:
    changed = connection.execute(update(source_key).where(source_key.c.slot == slot).values(**values)).rowcount
    if not changed:
        connection.execute(insert(source_key).values(slot=slot, **values))


def read_by(connection: Connection, *, source: str, external_id: str) -> list[str]:
    """The slots whose key was one of this account last."""
    rows = connection.execute(
        select(source_key.c.slot)
        .join(account, account.c.id == source_key.c.account_id)
        .where(account.c.source == source, account.c.external_id == external_id)
        .order_by(source_key.c.slot)
    )
    return list(rows.scalars())


def name_taken(connection: Connection, *, source: str, external_id: str, name: str) -> bool:
    """Whether another account of this marketplace bears the name already."""
    other = select(func.count()).where(
        account.c.source == source, account.c.name == name, account.c.external_id != external_id
    )
    return bool(connection.execute(other).scalar())


def account_name(connection: Connection, account_id: int) -> str:
    """As the seller knows it."""
    return str(connection.execute(select(account.c.name).where(account.c.id == account_id)).scalar_one())


def leave(connection: Connection, account_id: int, *, now: int) -> None:
    """No key reads this account any more: its stock stays as it is, and is marked stale from its newest reading on.

    The caller publishes.
    """
    connection.execute(update(account).where(account.c.id == account_id).values(left_at=now))
    connection.execute(
        text(
            "UPDATE stock SET stale_from = :at WHERE stale_from IS NULL "
            "AND sku_id IN (SELECT id FROM sku WHERE account_id = :account)"
        ),
        {"at": newest_as_of(connection, account_id) or now, "account": account_id},
    )
    connection.execute(
        text(
            "INSERT INTO summary_dirty (product_key) SELECT DISTINCT coalesce(item_id, -id) FROM sku "
            "WHERE account_id = :account ON CONFLICT (product_key) DO NOTHING"
        ),
        {"account": account_id},
    )
