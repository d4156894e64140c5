"""Runs that wait for their marketplace say until when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    comment = "the marketplace's limits let it ask again; past or NULL: it does"
    op.add_column("run", sa.Column("waits_until", sa.BigInteger(), nullable=True, comment=comment))


def downgrade() -> None:
    # Not by a copy of the table, which would lose its partial index.
    op.drop_column("run", "waits_until")
