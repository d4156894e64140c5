"""Quarantined rows that can be tried again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from micore.domain.quarantine import rule_of

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("quarantine", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "rule",
                sa.Text(),
                nullable=True,
                comment="the reason without what was received",
            )
        )
        batch_op.add_column(
            sa.Column(
                "context",
                sa.Text(),
                nullable=True,
                comment="JSON, the source's own: what it stood in",
            )
        )
        batch_op.add_column(
            sa.Column(
                "digest",
                sa.Text(),
                nullable=True,
                comment="of key, context and bytes: the same row again",
            )
        )
        batch_op.add_column(
            sa.Column(
                "state",
                sa.Text(),
                server_default="waiting",
                nullable=False,
                comment="waiting, loaded, dropped, superseded",
            )
        )
        batch_op.add_column(
            sa.Column(
                "may_pass",
                sa.Boolean(),
                server_default=sa.text("(false)"),
                nullable=False,
                comment="it names what may come yet",
            )
        )
        batch_op.add_column(
            sa.Column("as_of", sa.BigInteger(), nullable=True, comment="of its reading, by the marketplace's clock")
        )
        batch_op.add_column(
            sa.Column(
                "told_at", sa.BigInteger(), nullable=True, comment="when the marketplace told it last; NULL: once only"
            )
        )
        batch_op.add_column(
            sa.Column(
                "parser",
                sa.Text(),
                nullable=True,
                comment="plug-in and version that tried it last",
            )
        )
        batch_op.add_column(
            sa.Column(
                "attempts", sa.Integer(), server_default="0", nullable=False, comment="how often it was tried again"
            )
        )
        batch_op.add_column(sa.Column("tried_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("tried_run_id", sa.BigInteger(), nullable=True))
        batch_op.add_column(
            sa.Column("asked_at", sa.BigInteger(), nullable=True, comment="when a person last asked for a try")
        )
        batch_op.add_column(
            sa.Column("fixed", sa.LargeBinary(), nullable=True, comment="the row as a person mended it")
        )
        batch_op.add_column(sa.Column("fixed_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("fixed_by", sa.Text(), nullable=True))
        batch_op.add_column(
            sa.Column(
                "resolved_at", sa.BigInteger(), nullable=True, comment="when it was loaded, dropped or superseded"
            )
        )
        batch_op.add_column(sa.Column("note", sa.Text(), nullable=True, comment="why it was dropped or superseded"))
        batch_op.create_index("ix_quarantine_digest", ["account_id", "digest"], unique=False)
        batch_op.create_index("ix_quarantine_state", ["state", "account_id", "stream", "rule"], unique=False)
    # What was told several times is one row by now, and the rule that a row broke is read from its reason.
    _read_rules()
    op.execute(
        "UPDATE quarantine SET state = 'superseded' WHERE row_key <> '' AND id NOT IN "
        "(SELECT max(id) FROM quarantine GROUP BY account_id, stream, row_key)"
    )
    _say("sync, backfill, reconcile, replay")


ROWS_PER_STEP = 1_000


def _read_rules() -> None:
    connection, last = op.get_bind(), 0
    some = sa.text("SELECT id, reason FROM quarantine WHERE id > :last ORDER BY id LIMIT :rows")
    while rows := connection.execute(some, {"last": last, "rows": ROWS_PER_STEP}).all():
        connection.execute(
            sa.text("UPDATE quarantine SET rule = :rule WHERE id = :id"),
            [{"id": row.id, "rule": rule_of(row.reason)} for row in rows],
        )
        last = rows[-1].id


def downgrade() -> None:
    # An older micore would take a waiting replay for a sync of everything.
    op.execute("UPDATE run SET state = 'stopped' WHERE kind = 'replay' AND state IN ('queued', 'running')")
    _say("sync, backfill, reconcile")
    with op.batch_alter_table("quarantine", schema=None) as batch_op:
        batch_op.drop_index("ix_quarantine_state")
        batch_op.drop_index("ix_quarantine_digest")
        batch_op.drop_column("note")
        batch_op.drop_column("resolved_at")
        batch_op.drop_column("fixed_by")
        batch_op.drop_column("fixed_at")
        batch_op.drop_column("fixed")
        batch_op.drop_column("asked_at")
        batch_op.drop_column("tried_run_id")
        batch_op.drop_column("tried_at")
        batch_op.drop_column("attempts")
        batch_op.drop_column("parser")
        batch_op.drop_column("told_at")
        batch_op.drop_column("as_of")
        batch_op.drop_column("may_pass")
        batch_op.drop_column("state")
        batch_op.drop_column("digest")
        batch_op.drop_column("context")
        batch_op.drop_column("rule")


def _say(kinds: str) -> None:
    # SQLite keeps no comments.
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("run", "kind", comment=kinds)
