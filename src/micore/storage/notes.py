"""What a source must not do twice and no stream's cursor tells: a report that a comparison has ordered."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select, update

from micore.storage.tables import source_note


def note(connection: Connection, account_id: int, name: str) -> str:
    """As it was written last; empty where nothing was."""
    found: str | None = connection.execute(
        select(source_note.c.text).where(source_note.c.account_id == account_id, source_note.c.name == name)
    ).scalar()
    return found or ""


def write_note(connection: Connection, account_id: int, name: str, text: str, *, now: int) -> None:
    """Put it in the place of what was written before."""
    here = (source_note.c.account_id == account_id) & (source_note.c.name == name)
    changed = connection.execute(update(source_note).where(here).values(text=text, changed_at=now)).rowcount
    if not changed:
        connection.execute(insert(source_note).values(account_id=account_id, name=name, text=text, changed_at=now))
