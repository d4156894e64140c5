"""The journal: events are numbered in the order of the commits, and carry what they changed until the log has it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "journal_head",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False, comment="1: there is one row"),
        sa.Column("log", sa.Text(), comment="the transaction log that follows this database; NULL: none yet"),
        sa.Column("seq", sa.BigInteger(), nullable=False, comment="number of the newest event"),
        sa.Column(
            "logged",
            sa.BigInteger(),
            nullable=False,
            comment="the log has them up to here; -1: a replay is under way",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal_head")),
        comment="where the one stream of events stands",
    )
    op.create_table(
        "journal_change",
        sa.Column("seq", sa.BigInteger(), nullable=False, comment="the event of the transaction that changed them"),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("rows", sa.Text(), nullable=False, comment="JSON: rows changed, by table"),
        sa.Column("changes", sa.LargeBinary(), nullable=False, comment="the rows as they were left, packed"),
        sa.Column(
            "more",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="the transaction has a next event",
        ),
        sa.PrimaryKeyConstraint("seq", "part", name=op.f("pk_journal_change")),
        comment="what the log has not taken over yet; empty at rest but for the newest transaction",
    )
    op.execute(
        "INSERT INTO journal_head (id, seq, logged) SELECT 1, coalesce(max(seq), 0), coalesce(max(seq), 0) FROM event"
    )


def downgrade() -> None:
    op.drop_table("journal_change")
    op.drop_table("journal_head")
