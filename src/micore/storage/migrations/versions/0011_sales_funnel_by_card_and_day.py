"""Sales funnel by card and day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "funnel_day",
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "card", sa.Text(), nullable=False, comment="external_id of its listing, which may not be known (yet)"
        ),
        sa.Column("day", sa.Text(), nullable=False, comment="by the marketplace's calendar"),
        sa.Column(
            "opened",
            sa.BigInteger(),
            nullable=True,
            comment="times, not thousandths, as all counts here; NULL: not told",
        ),
        sa.Column("carted", sa.BigInteger(), nullable=True, comment="put into a cart; NULL: not told"),
        sa.Column("ordered", sa.BigInteger(), nullable=True, comment="NULL: not told"),
        sa.Column("bought", sa.BigInteger(), nullable=True, comment="of those ordered that day; NULL: not told"),
        sa.Column(
            "cancelled",
            sa.BigInteger(),
            nullable=True,
            comment="of those ordered that day, or given back; NULL: not told",
        ),
        sa.Column("wished", sa.BigInteger(), nullable=True, comment="put on a wish list; NULL: not told"),
        sa.Column("known_from", sa.BigInteger(), nullable=False),
        sa.Column("raw_page_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_funnel_day_account_id")),
        sa.PrimaryKeyConstraint("account_id", "card", "day", name=op.f("pk_funnel_day")),
        comment="how each card was looked at and bought on each day; no other figure is made of it",
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    # Else an upgrade after it would take the past for read.
    op.execute("DELETE FROM stream_state WHERE stream = 'funnel'")
    op.execute("DELETE FROM quarantine WHERE stream = 'funnel' AND state = 'waiting'")
    op.drop_table("funnel_day")
