"""Finances and storage costs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "finance_line",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False, comment="natural key of the booked amount"),
        sa.Column(
            "booking_id", sa.Text(), nullable=False, comment="what it is a part of; external_id up to its first colon"
        ),
        sa.Column("sku_id", sa.BigInteger(), nullable=True, comment="NULL: not for one product"),
        sa.Column("order_id", sa.Text(), nullable=True, comment="posting number, srid; NULL: not for one order"),
        sa.Column("booked_day", sa.Text(), nullable=False, comment="by the marketplace's calendar"),
        sa.Column("kind", sa.Text(), nullable=False, comment="sale, return, commission, delivery, storage ..."),
        sa.Column(
            "amount", sa.BigInteger(), nullable=False, comment="ten-thousandths; positive: received, negative: paid"
        ),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="in the marketplace's words"),
        sa.Column("known_from", sa.BigInteger(), nullable=False),
        sa.Column("raw_page_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_finance_line_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_finance_line")),
        sa.UniqueConstraint("account_id", "external_id", name=op.f("uq_finance_line_account_id_external_id")),
        comment="the marketplace's account with the seller, whole; never added to `sale`",
    )
    op.create_index("ix_finance_line_booking", "finance_line", ["account_id", "booking_id"])
    op.create_index("ix_finance_line_day", "finance_line", ["account_id", "booked_day"])
    op.create_index("ix_finance_line_sku_day", "finance_line", ["sku_id", "booked_day"])

    op.create_table(
        "storage_cost",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "external_id",
            sa.Text(),
            nullable=False,
            comment="natural key: day, sku, warehouse in the marketplace's words",
        ),
        sa.Column("sku_id", sa.BigInteger(), nullable=False),
        sa.Column("place_id", sa.BigInteger(), nullable=True, comment="warehouse; NULL: not told"),
        sa.Column("stored_day", sa.Text(), nullable=False, comment="by the marketplace's calendar"),
        sa.Column("amount", sa.BigInteger(), nullable=False, comment="ten-thousandths; positive: what it cost"),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=True, comment="thousandths that lay there; NULL: not told"),
        sa.Column("volume", sa.BigInteger(), nullable=True, comment="millilitres of all of them; NULL: not told"),
        sa.Column("known_from", sa.BigInteger(), nullable=False),
        sa.Column("raw_page_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_storage_cost_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_storage_cost")),
        sa.UniqueConstraint("account_id", "external_id", name=op.f("uq_storage_cost_account_id_external_id")),
        comment="what keeping each sku cost on each day; a closer look at finance_line's storage, never added to it",
    )
    op.create_index("ix_storage_cost_day", "storage_cost", ["account_id", "stored_day"])
    op.create_index("ix_storage_cost_sku_day", "storage_cost", ["sku_id", "stored_day"])


def downgrade() -> None:
    op.drop_table("storage_cost")
    op.drop_table("finance_line")
