"""Writes a new migration from the difference between the migrations so far and storage/tables.py.

    python scripts/revision.py "Keep prices per place"

Read what it wrote before committing it: a renamed column looks like one dropped and one added.
"""

from __future__ import annotations

import sys
import tempfile

from alembic import command

from micore.storage import migrations
from micore.storage.database import Database


def main(subject: str) -> int:
    """Make a database by the migrations so far, compare it with the tables, write the next revision."""
    number = f"{int(migrations.head()) + 1:04d}"
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/micore.db")
        migrations.upgrade(database)
        with database.migrate() as connection:
            config = migrations.config()
            config.attributes["connection"] = connection
            command.revision(config, message=subject, autogenerate=True, rev_id=number)
        database.close()
    print(f"Read and format src/micore/storage/migrations/versions/{number}_*.py.")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    raise SystemExit(main(sys.argv[1]))
