"""Reconciliations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reconciliation",
        sa.Column("run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("checked_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "result", sa.Text(), nullable=False, comment="JSON: sums by day, differences by class, some rows of each"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_reconciliation_run_id")),
        sa.PrimaryKeyConstraint("run_id", "stream", name=op.f("pk_reconciliation")),
        comment="our tables beside the marketplace's own figures",
    )
    op.create_index(op.f("ix_reconciliation_account_id"), "reconciliation", ["account_id"])
    _say("sync, backfill, reconcile")


def downgrade() -> None:
    op.execute("UPDATE run SET state = 'stopped' WHERE kind = 'reconcile' AND state IN ('queued', 'running')")
    op.drop_table("reconciliation")
    _say("sync, backfill")


def _say(comment: str) -> None:
    # SQLite keeps no comments.
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("run", "kind", comment=comment)
