"""Backfills beside live syncs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_OPEN = sa.text("state IN ('queued', 'running')")


def upgrade() -> None:
    op.create_table(
        "backfill_stream",
        sa.Column("run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("windows", sa.Integer(), nullable=False, comment="stretches of days that the range is read in"),
        sa.Column("windows_done", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "cursor",
            sa.Text(),
            nullable=True,
            comment="JSON, the source's own, inside of the present window; NULL: at its start",
        ),
        sa.Column(
            "rows_new",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="of rows_loaded; the others changed",
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_backfill_stream_run_id")),
        sa.PrimaryKeyConstraint("run_id", "stream", name=op.f("pk_backfill_stream")),
        comment="how far a backfill has come; stream_state belongs to live syncs alone",
    )
    _one_open_run_by("source", "kind")
    _say(kind="sync, backfill", params="JSON: streams, full, days")


def downgrade() -> None:
    # An older micore would take a waiting backfill for a sync of everything.
    op.execute("UPDATE run SET state = 'stopped' WHERE kind = 'backfill' AND state IN ('queued', 'running')")
    _one_open_run_by("source")
    op.drop_table("backfill_stream")
    _say(kind="sync", params="JSON: streams, full")


def _one_open_run_by(*columns: str) -> None:
    op.drop_index("uq_run_open_source", table_name="run")
    op.create_index("uq_run_open_source", "run", list(columns), unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN)


def _say(**comments: str) -> None:
    # SQLite keeps no comments.
    if op.get_bind().dialect.name == "postgresql":
        for column, comment in comments.items():
            op.alter_column("run", column, comment=comment)
