"""Accounts and their keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Which account each key was of until now: that of the newest run that got as far as to know.
KEYS_SO_FAR = """
INSERT INTO source_key (slot, account_id, checked_at)
SELECT r.source, r.account_id, r.created_at FROM run r
WHERE r.id = (SELECT max(n.id) FROM run n WHERE n.source = r.source AND n.account_id IS NOT NULL)
"""


def upgrade() -> None:
    op.create_table(
        "source_key",
        sa.Column("slot", sa.Text(), nullable=False, comment="ozon, ozon-2"),
        sa.Column(
            "account_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="whose key it was last; NULL: it was never accepted",
        ),
        sa.Column(
            "expires_at",
            sa.BigInteger(),
            nullable=True,
            comment="as the marketplace or the key itself says; NULL: not told",
        ),
        sa.Column(
            "problem", sa.Text(), nullable=True, comment="why the marketplace refuses it; NULL: it was accepted last"
        ),
        sa.Column("remedy", sa.Text(), nullable=True),
        sa.Column("checked_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_source_key_account_id")),
        sa.PrimaryKeyConstraint("slot", name=op.f("pk_source_key")),
        comment="what is known of each account's key; never the key",
    )
    with op.batch_alter_table("account") as batch_op:
        batch_op.add_column(
            sa.Column(
                "left_at",
                sa.BigInteger(),
                nullable=True,
                comment="when its key became one of another account; NULL: it is read",
            )
        )
    op.execute(KEYS_SO_FAR)


def downgrade() -> None:
    with op.batch_alter_table("account") as batch_op:
        batch_op.drop_column("left_at")
    op.drop_table("source_key")
