"""What a comparison has ordered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "source_note",
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="what it is about: stock FBW"),
        sa.Column("text", sa.Text(), nullable=False, comment="the source's own; empty: nothing any more"),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_source_note_account_id")),
        sa.PrimaryKeyConstraint("account_id", "name", name=op.f("pk_source_note")),
        comment="what a comparison must not do twice, such as a report that it has ordered",
    )


def downgrade() -> None:
    op.drop_table("source_note")
