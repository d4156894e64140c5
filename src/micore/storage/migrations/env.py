"""What Alembic runs: the migrations on the connection it is handed, inside the caller's transaction."""

from __future__ import annotations

from alembic import context

from micore.storage.tables import metadata

SEARCH_TABLE = "product_search"


def include_name(name: str | None, type_: str, parent_names: object) -> bool:
    """Leave the search table out of comparisons: the two databases build it differently, outside of tables.py."""
    del parent_names
    return not (type_ == "table" and name is not None and name.startswith(SEARCH_TABLE))


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    compare_type=True,
    include_name=include_name,
)
with context.begin_transaction():
    context.run_migrations()
