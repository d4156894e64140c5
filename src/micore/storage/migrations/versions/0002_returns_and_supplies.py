"""Returns, supplies, and what bookings say of orders."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "return_line",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("return_id", sa.Text(), nullable=False, comment="the marketplace's own"),
        sa.Column("sku_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=True, comment="posting number, srid; NULL: not told"),
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="buyer, refused, defect, unknown"),
        sa.Column("state", sa.Text(), nullable=False, comment="on_the_way, ready, back, written_off"),
        sa.Column("quantity", sa.BigInteger(), nullable=False, comment="thousandths"),
        sa.Column("reason", sa.Text(), nullable=False, comment="in the marketplace's words"),
        sa.Column("returned_at", sa.BigInteger(), nullable=False, comment="when it was begun"),
        sa.Column("returned_day", sa.Text(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True, comment="when it came to its end"),
        sa.Column("known_from", sa.BigInteger(), nullable=False),
        sa.Column("raw_page_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_return_line_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_return_line")),
        sa.UniqueConstraint(
            "account_id", "return_id", "sku_id", name=op.f("uq_return_line_account_id_return_id_sku_id")
        ),
        comment="present version of what comes back",
    )
    op.create_index("ix_return_sku_day", "return_line", ["sku_id", "returned_day"])

    op.create_table(
        "supply_line",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("supply_id", sa.Text(), nullable=False, comment="the marketplace's own"),
        sa.Column("sku_id", sa.BigInteger(), nullable=False),
        sa.Column("place_id", sa.BigInteger(), nullable=True, comment="warehouse it is for; NULL: not told"),
        sa.Column("state", sa.Text(), nullable=False, comment="planned, on_the_way, accepting, done, cancelled"),
        sa.Column("quantity", sa.BigInteger(), nullable=False, comment="thousandths, as announced"),
        sa.Column("accepted", sa.BigInteger(), nullable=True, comment="thousandths, as counted so far; NULL: not told"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expected_at", sa.BigInteger(), nullable=True, comment="booked arrival"),
        sa.Column("changed_at", sa.BigInteger(), nullable=False, comment="newest change of its state, as told"),
        sa.Column("known_from", sa.BigInteger(), nullable=False),
        sa.Column("raw_page_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_supply_line_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supply_line")),
        sa.UniqueConstraint(
            "account_id", "supply_id", "sku_id", name=op.f("uq_supply_line_account_id_supply_id_sku_id")
        ),
        comment="present version of each sku of each supply to a marketplace's warehouse",
    )
    op.create_index("ix_supply_sku", "supply_line", ["sku_id", "state"])

    with op.batch_alter_table("sale") as batch_op:
        batch_op.add_column(
            sa.Column(
                "order_state",
                sa.Text(),
                nullable=True,
                comment="how far it says its order line has come; NULL: the orders tell that",
            )
        )
        batch_op.create_index("ix_sale_order", ["account_id", "order_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("sale") as batch_op:
        batch_op.drop_index("ix_sale_order")
        batch_op.drop_column("order_state")

    op.drop_table("supply_line")
    op.drop_table("return_line")
