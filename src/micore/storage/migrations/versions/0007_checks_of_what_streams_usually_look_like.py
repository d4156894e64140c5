"""Checks of what streams usually look like."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "run_finding",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="too_few_rows, unknown_skus, new_field, ..."),
        sa.Column("message", sa.Text(), nullable=False, comment="in English"),
        sa.Column("facts", sa.Text(), nullable=False, comment="JSON: the parts of the sentence by name"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_finding_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_finding")),
        comment="what runs have to say beside their rows",
    )
    op.create_index("ix_run_finding_run", "run_finding", ["run_id", "stream"])

    op.create_table(
        "stream_shape",
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False, comment="method and path, numbers left out"),
        sa.Column("path", sa.Text(), nullable=False, comment="of a field: items[].sku"),
        sa.Column(
            "types",
            sa.Text(),
            nullable=False,
            comment="comma list of those seen: number, text, flag, list, object, null",
        ),
        sa.Column(
            "words",
            sa.Text(),
            nullable=True,
            comment="JSON list of all texts seen; NULL: too many to be a set of words",
        ),
        sa.Column("looked", sa.BigInteger(), nullable=False, comment="objects that could have held it"),
        sa.Column("present", sa.BigInteger(), nullable=False, comment="objects that did"),
        sa.Column("first_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_stream_shape_account_id")),
        sa.PrimaryKeyConstraint("account_id", "endpoint", "path", name=op.f("pk_stream_shape")),
        comment="fields of each answer as they have been seen in samples",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "stream_volume",
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False, comment="of a snapshot: fbo, fbs ...; else empty"),
        sa.Column(
            "day", sa.Text(), nullable=False, comment="business day of the rows, or of the reading where rows have none"
        ),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="believed, doubted"),
        sa.Column("counted_day", sa.Text(), nullable=False, comment="business day on which it was counted first"),
        sa.Column(
            "last_id", sa.BigInteger(), nullable=False, comment="newest row of its table at that time; 0: no table"
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_stream_volume_account_id")),
        sa.PrimaryKeyConstraint("account_id", "stream", "scope", "day", name=op.f("pk_stream_volume")),
        comment="rows of each stream by day: what is usual on a weekday",
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("stream_volume")
    op.drop_table("stream_shape")
    op.drop_index("ix_run_finding_run", "run_finding")
    op.drop_table("run_finding")
