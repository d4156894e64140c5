"""Answers of a step are noted together, each under its own number."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from micore.domain.run_views import Trigger
from micore.storage import identity, runs
from micore.storage.database import Database
from micore.storage.raw import RawLocation, RawPage, RawStore, keep_pages
from micore.storage.tables import raw_page


def test_each_answer_is_found_by_its_number(migrated_url: str, tmp_path: Path) -> None:
    database, store = Database(migrated_url), RawStore(tmp_path)
    bodies = [b"z", b"a", b"z", b"m"]
    pages = [RawPage(body, "POST /list", str(number), number) for number, body in enumerate(bodies)]
    with database.write() as connection:
        account = identity.ensure_account(
            connection, source="ozon", external_id="1", name="shop", currency="RUB", now=1
        )
        run = runs.enqueue(connection, source="ozon", trigger=Trigger.COMMAND, params=runs.SyncParams(), now=1)
        ids = keep_pages(connection, store, pages, account_id=account, stream="orders", run_id=run, parser="ozon/1")
        found = {row.id: row for row in connection.execute(select(raw_page))}
    kept = [found[each] for each in ids]
    assert [row.request for row in kept] == ["0", "1", "2", "3"]
    assert [store.read(RawLocation(row.segment, row.position, row.length)) for row in kept] == bodies
    assert kept[0].position == kept[2].position
    store.close()
    database.close()
