"""Payouts without what Wildberries settles with its own reward, or has in the sale already."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # They were counted until now; the reports that told them are not read again.
    op.execute(
        "DELETE FROM finance_line WHERE (external_id LIKE '%\\:carriage' OR external_id LIKE '%\\:discount') "
        "AND account_id IN (SELECT id FROM account WHERE source = 'wildberries' OR source LIKE 'wildberries-%')"
    )


def downgrade() -> None:
    """What is gone is read again by a whole reading of the version that counts it."""
