"""Returns of which nobody tells how many units come back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("return_line") as batch_op:
        batch_op.alter_column(
            "quantity",
            existing_type=sa.BigInteger(),
            nullable=True,
            comment="thousandths; NULL: not told",
            existing_comment="thousandths",
        )


def downgrade() -> None:
    # The version before cannot hold them, and reads none.
    op.execute("DELETE FROM return_line WHERE quantity IS NULL")
    with op.batch_alter_table("return_line") as batch_op:
        batch_op.alter_column(
            "quantity",
            existing_type=sa.BigInteger(),
            nullable=False,
            comment="thousandths",
            existing_comment="thousandths; NULL: not told",
        )
