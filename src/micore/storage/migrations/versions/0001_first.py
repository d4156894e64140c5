"""Identity, places, stock, demand, summaries, work and search."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def create_search() -> None:
    """The table behind the search box: `text` holds the folded words of a product, see storage/search.py."""
    if op.get_bind().dialect.name == "sqlite":
        # The texts come folded, so the tokenizer need not fold them again; the rowid is the product key.
        op.execute("CREATE VIRTUAL TABLE product_search USING fts5(text, tokenize='trigram case_sensitive 1')")
        return
    op.execute("CREATE TABLE product_search (product_key BIGINT PRIMARY KEY, text TEXT NOT NULL)")
    try:
        with op.get_bind().begin_nested():
            op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            op.execute("CREATE INDEX ix_product_search_text ON product_search USING gin (text gin_trgm_ops)")
    except sa.exc.DBAPIError:
        # Without the extension (or the right to make it) the search reads the table through: slower, same answer.
        return


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("source", sa.Text(), nullable=False, comment="plug-in name: ozon, wildberries"),
        sa.Column(
            "external_id", sa.Text(), nullable=False, comment="the login at the marketplace: Client-Id, seller id"
        ),
        sa.Column("name", sa.Text(), nullable=False, comment="as the seller knows it"),
        sa.Column("currency", sa.Text(), nullable=False, comment="ISO 4217"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_account_source_external_id")),
    )
    op.create_table(
        "demand_event",
        sa.Column("order_line_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False, comment="thousandths"),
        sa.Column("price", sa.BigInteger(), nullable=True, comment="ten-thousandths per unit"),
        sa.Column("known_at", sa.BigInteger(), nullable=False),
        sa.Column("raw_page_id", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("order_line_id", "version", name=op.f("pk_demand_event")),
        comment="every version of every order line, append-only",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "event",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="stock.published, run.finished, ..."),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False, comment="JSON"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_event")),
        comment="one append-only stream of every acknowledged write; several readers",
    )
    op.create_table(
        "generation",
        sa.Column("region", sa.Text(), nullable=False, comment="what it counts the versions of: stock"),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "note", sa.Text(), nullable=True, comment="what the summary was built with: thresholds, business day"
        ),
        sa.PrimaryKeyConstraint("region", name=op.f("pk_generation")),
    )
    op.create_table(
        "item",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("code", sa.Text(), nullable=False, comment="the seller's own code"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), server_default="pcs", nullable=False, comment="pcs, kg, l"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item")),
        sa.UniqueConstraint("code", name=op.f("uq_item_code")),
    )
    op.create_table(
        "product_summary",
        sa.Column(
            "product_key",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
            comment="item id, or minus the sku id",
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "name_sort",
            sa.Text().with_variant(sa.Text(collation="C"), "postgresql"),
            nullable=False,
            comment="case-folded name",
        ),
        sa.Column("code", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("sources", sa.Text(), nullable=False, comment="comma list of plug-in names, sorted"),
        sa.Column(
            "status", sa.SmallInteger(), nullable=False, comment="0 critical 1 low 2 normal 3 overstock 4 unknown"
        ),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("stale", sa.Boolean(), nullable=False),
        sa.Column("available", sa.BigInteger(), nullable=True),
        sa.Column("present", sa.BigInteger(), nullable=True),
        sa.Column("reserved", sa.BigInteger(), nullable=True),
        sa.Column("inbound", sa.BigInteger(), nullable=True),
        sa.Column("places", sa.Integer(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=True, comment="ten-thousandths; of the cheapest active listing"),
        sa.Column("stock_value", sa.BigInteger(), nullable=True, comment="ten-thousandths; available x price"),
        sa.Column("sold_30d", sa.BigInteger(), nullable=False, comment="thousandths"),
        sa.Column("revenue_30d", sa.BigInteger(), nullable=False, comment="ten-thousandths"),
        sa.Column(
            "effect",
            sa.BigInteger(),
            nullable=False,
            comment="ten-thousandths; revenue_30d, or stock_value for overstock",
        ),
        sa.Column(
            "cover_tenths",
            sa.BigInteger(),
            nullable=True,
            comment="days of cover times ten; NULL: no sales or no figure",
        ),
        sa.Column(
            "spark",
            sa.LargeBinary(),
            nullable=False,
            comment="30 little-endian int64 of daily thousandths, oldest first",
        ),
        sa.PrimaryKeyConstraint("product_key", name=op.f("pk_product_summary")),
        comment="one row per product, kept by the transaction that changes what it sums",
    )
    with op.batch_alter_table("product_summary", schema=None) as batch_op:
        batch_op.create_index("ix_product_summary_available", ["archived", "available", "product_key"], unique=False)
        batch_op.create_index("ix_product_summary_code", ["archived", "code", "product_key"], unique=False)
        batch_op.create_index(
            "ix_product_summary_cover_tenths", ["archived", "cover_tenths", "product_key"], unique=False
        )
        batch_op.create_index("ix_product_summary_effect", ["archived", "effect", "product_key"], unique=False)
        batch_op.create_index("ix_product_summary_name_sort", ["archived", "name_sort", "product_key"], unique=False)
        batch_op.create_index("ix_product_summary_sold_30d", ["archived", "sold_30d", "product_key"], unique=False)
        batch_op.create_index(
            "ix_product_summary_status", ["archived", "status", "effect", "product_key"], unique=False
        )
        batch_op.create_index(
            "ix_product_summary_stock_value", ["archived", "stock_value", "product_key"], unique=False
        )

    op.create_table(
        "quarantine",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("raw_page_id", sa.BigInteger(), nullable=True),
        sa.Column("snapshot_id", sa.BigInteger(), nullable=True, comment="the snapshot it is missing from"),
        sa.Column(
            "row_key", sa.Text(), nullable=False, comment="what the row names itself; empty where it has no name"
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False, comment="the row as it was received"),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
        comment="rows that could not be believed",
    )
    with op.batch_alter_table("quarantine", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_quarantine_snapshot_id"), ["snapshot_id"], unique=False)
        batch_op.create_index("ix_quarantine_stream", ["account_id", "stream", "id"], unique=False)

    op.create_table(
        "raw_page",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False, comment="of the answer's bytes, hex"),
        sa.Column("segment", sa.Text(), nullable=False, comment="file under raw/"),
        sa.Column("position", sa.BigInteger(), nullable=False, comment="byte offset of the frame in the segment"),
        sa.Column("length", sa.BigInteger(), nullable=False, comment="bytes of the frame"),
        sa.Column("size", sa.BigInteger(), nullable=False, comment="bytes of the answer"),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False, comment="the request's body or query, secrets never"),
        sa.Column("received_at", sa.BigInteger(), nullable=False, comment="by our clock"),
        sa.Column("parser", sa.Text(), nullable=False, comment="plug-in and version that read it"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_raw_page")),
    )
    with op.batch_alter_table("raw_page", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_raw_page_sha256"), ["sha256"], unique=False)

    op.create_table(
        "run",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="sync"),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True, comment="NULL until the account is known"),
        sa.Column("state", sa.Text(), nullable=False, comment="queued, running, done, gaps, failed, stopped"),
        sa.Column("trigger", sa.Text(), nullable=False, comment="schedule, button, command"),
        sa.Column("params", sa.Text(), server_default="{}", nullable=False, comment="JSON: streams, full"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True, comment="after this another worker takes it up again"),
        sa.Column("stop_requested", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("remedy", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
        comment="the one truth of all work; history for ever",
    )
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.create_index("ix_run_source", ["source", "id"], unique=False)
        batch_op.create_index("ix_run_state", ["state", "id"], unique=False)
        batch_op.create_index(
            "uq_run_open_source",
            ["source"],
            unique=True,
            sqlite_where=sa.text("state IN ('queued', 'running')"),
            postgresql_where=sa.text("state IN ('queued', 'running')"),
        )

    op.create_table(
        "status_day",
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("products", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "status", name=op.f("pk_status_day")),
        comment="status_total at the last publish of each business day",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "status_total",
        sa.Column("status", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("products", sa.BigInteger(), nullable=False),
        sa.Column("effect", sa.BigInteger(), nullable=False, comment="ten-thousandths"),
        sa.Column("stock_value", sa.BigInteger(), nullable=False, comment="ten-thousandths"),
        sa.Column("revenue_30d", sa.BigInteger(), nullable=False, comment="ten-thousandths"),
        sa.PrimaryKeyConstraint("status", name=op.f("pk_status_total")),
        comment="five rows, archived products left out",
    )
    op.create_table(
        "stock",
        sa.Column("sku_id", sa.BigInteger(), nullable=False),
        sa.Column("place_id", sa.BigInteger(), nullable=False),
        sa.Column("available", sa.BigInteger(), nullable=True, comment="can be sold now"),
        sa.Column("present", sa.BigInteger(), nullable=True, comment="physically there"),
        sa.Column("reserved", sa.BigInteger(), nullable=True, comment="promised to open orders"),
        sa.Column("inbound", sa.BigInteger(), nullable=True, comment="in supplies on the way"),
        sa.Column("to_client", sa.BigInteger(), nullable=True, comment="on the way to buyers"),
        sa.Column("from_client", sa.BigInteger(), nullable=True, comment="on the way back from buyers"),
        sa.Column("valid_from", sa.BigInteger(), nullable=False, comment="since when, by the marketplace's clock"),
        sa.Column("known_from", sa.BigInteger(), nullable=False, comment="since when we know, by our clock"),
        sa.Column("raw_page_id", sa.BigInteger(), nullable=True, comment="the answer it was read from"),
        sa.Column("stale_from", sa.BigInteger(), nullable=True, comment="its row could not be read since; NULL: fresh"),
        sa.PrimaryKeyConstraint("sku_id", "place_id", name=op.f("pk_stock")),
        comment="the open interval of each sku and place",
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("stock", schema=None) as batch_op:
        batch_op.create_index("ix_stock_place", ["place_id", "sku_id"], unique=False)

    op.create_table(
        "stock_history",
        sa.Column("sku_id", sa.BigInteger(), nullable=False),
        sa.Column("place_id", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("known_from", sa.BigInteger(), nullable=False),
        sa.Column(
            "valid_until",
            sa.BigInteger(),
            nullable=False,
            comment="start of the next interval, by the marketplace's clock",
        ),
        sa.Column(
            "superseded_at", sa.BigInteger(), nullable=False, comment="when we learnt of the next one, by our clock"
        ),
        sa.Column("available", sa.BigInteger(), nullable=True, comment="can be sold now"),
        sa.Column("present", sa.BigInteger(), nullable=True, comment="physically there"),
        sa.Column("reserved", sa.BigInteger(), nullable=True, comment="promised to open orders"),
        sa.Column("inbound", sa.BigInteger(), nullable=True, comment="in supplies on the way"),
        sa.Column("to_client", sa.BigInteger(), nullable=True, comment="on the way to buyers"),
        sa.Column("from_client", sa.BigInteger(), nullable=True, comment="on the way back from buyers"),
        sa.Column("raw_page_id", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("sku_id", "place_id", "valid_from", "known_from", name=op.f("pk_stock_history")),
        comment="closed intervals, append-only; with `stock` the whole past as it was and as it was known",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "stock_staging",
        sa.Column("snapshot_id", sa.BigInteger(), nullable=False),
        sa.Column("sku_id", sa.BigInteger(), nullable=False),
        sa.Column("place_id", sa.BigInteger(), nullable=False),
        sa.Column("available", sa.BigInteger(), nullable=True, comment="can be sold now"),
        sa.Column("present", sa.BigInteger(), nullable=True, comment="physically there"),
        sa.Column("reserved", sa.BigInteger(), nullable=True, comment="promised to open orders"),
        sa.Column("inbound", sa.BigInteger(), nullable=True, comment="in supplies on the way"),
        sa.Column("to_client", sa.BigInteger(), nullable=True, comment="on the way to buyers"),
        sa.Column("from_client", sa.BigInteger(), nullable=True, comment="on the way back from buyers"),
        sa.Column("raw_page_id", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("snapshot_id", "sku_id", "place_id", name=op.f("pk_stock_staging")),
        comment="pages of snapshots that are not published yet; empty at rest",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "summary_dirty",
        sa.Column("product_key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("product_key", name=op.f("pk_summary_dirty")),
        comment="products whose summary is behind; written with the rows, emptied with the summary",
    )
    op.create_table(
        "listing",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False, comment="Ozon product_id, Wildberries nmID"),
        sa.Column("offer_id", sa.Text(), nullable=False, comment="the seller's article on the card"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column(
            "price", sa.BigInteger(), nullable=True, comment="ten-thousandths of `currency`; what a buyer is asked now"
        ),
        sa.Column("currency", sa.Text(), nullable=True, comment="ISO 4217 of `price`"),
        sa.Column("created_at", sa.BigInteger(), nullable=True, comment="at the marketplace"),
        sa.Column("changed_at", sa.BigInteger(), nullable=False, comment="when we last saw it change"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_listing_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listing")),
        sa.UniqueConstraint("account_id", "external_id", name=op.f("uq_listing_account_id_external_id")),
    )
    op.create_table(
        "order_line",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False, comment="natural key: Ozon posting number, Wildberries srid"),
        sa.Column("sku_id", sa.BigInteger(), nullable=False),
        sa.Column("place_id", sa.BigInteger(), nullable=True, comment="where it ships from; NULL: not told"),
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="ordered, shipped, delivered, cancelled, returned"),
        sa.Column("quantity", sa.BigInteger(), nullable=False, comment="thousandths"),
        sa.Column("price", sa.BigInteger(), nullable=True, comment="ten-thousandths per unit"),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("ordered_at", sa.BigInteger(), nullable=False),
        sa.Column("ordered_day", sa.Text(), nullable=False),
        sa.Column(
            "cancelled_at", sa.BigInteger(), nullable=True, comment="when we first read it as cancelled, or as told"
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("known_from", sa.BigInteger(), nullable=False),
        sa.Column("raw_page_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_order_line_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_line")),
        sa.UniqueConstraint("account_id", "order_id", "sku_id", name=op.f("uq_order_line_account_id_order_id_sku_id")),
        comment="present version of each order line; earlier ones in demand_event",
    )
    with op.batch_alter_table("order_line", schema=None) as batch_op:
        batch_op.create_index(
            "ix_order_line_demand", ["sku_id", "ordered_day", "state", "quantity", "price"], unique=False
        )

    op.create_table(
        "place",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True, comment="NULL: our own"
        ),
        sa.Column(
            "parent_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="cluster or region above it",
        ),
        sa.Column("kind", sa.Text(), nullable=False, comment="cluster, warehouse, store"),
        sa.Column(
            "external_id", sa.Text(), nullable=False, comment="the marketplace's id, or the name where it has none"
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False, comment="marketplace, seller, own"),
        sa.Column(
            "authority",
            sa.Text(),
            nullable=False,
            comment="observed: the marketplace tells; ledger: our movements tell",
        ),
        sa.Column(
            "scheme",
            sa.Text(),
            nullable=False,
            comment="FBO, FBS, rFBS, FBW ... as sellers know it; empty for a cluster",
        ),
        sa.Column(
            "stock_scope",
            sa.Text(),
            nullable=True,
            comment="the snapshot scope that covers its stock; NULL: none has yet",
        ),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_place_account_id")),
        sa.ForeignKeyConstraint(["parent_id"], ["place.id"], name=op.f("fk_place_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_place")),
        sa.UniqueConstraint("account_id", "kind", "external_id", name=op.f("uq_place_account_id_kind_external_id")),
    )
    op.create_table(
        "run_stream",
        sa.Column("run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="waiting, running, done, held, failed, skipped"),
        sa.Column("expected_rows", sa.BigInteger(), nullable=True),
        sa.Column("pages", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_read", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_loaded", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_unchanged", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_rejected", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_stream_run_id")),
        sa.PrimaryKeyConstraint("run_id", "stream", name=op.f("pk_run_stream")),
    )
    op.create_table(
        "sale",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False, comment="natural key of the accrual line"),
        sa.Column("order_id", sa.Text(), nullable=True, comment="posting number, srid"),
        sa.Column("sku_id", sa.BigInteger(), nullable=False),
        sa.Column("sold_day", sa.Text(), nullable=False, comment="day of the accrual"),
        sa.Column("amount", sa.BigInteger(), nullable=False, comment="ten-thousandths; negative: taken back"),
        sa.Column(
            "commission", sa.BigInteger(), nullable=True, comment="ten-thousandths, as signed by the marketplace"
        ),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("known_from", sa.BigInteger(), nullable=False),
        sa.Column("raw_page_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_sale_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sale")),
        sa.UniqueConstraint("account_id", "external_id", name=op.f("uq_sale_account_id_external_id")),
        comment="money the marketplace booked for delivered goods; the units are those of the order line",
    )
    with op.batch_alter_table("sale", schema=None) as batch_op:
        batch_op.create_index("ix_sale_sku_day", ["sku_id", "sold_day"], unique=False)

    op.create_table(
        "stock_snapshot",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False, comment="what a complete reading covers: fbo, fbs, ..."),
        sa.Column("as_of", sa.BigInteger(), nullable=False, comment="start of the reading, by the marketplace's clock"),
        sa.Column("known_at", sa.BigInteger(), nullable=True, comment="when it was published, by our clock"),
        sa.Column("state", sa.Text(), nullable=False, comment="staged, published, held, dropped"),
        sa.Column("complete", sa.Boolean(), nullable=False, comment="every page was read"),
        sa.Column("rows_staged", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_changed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=True, comment="sum of available, thousandths"),
        sa.Column("reason", sa.Text(), nullable=True, comment="why it is held or dropped"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_stock_snapshot_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_snapshot")),
    )
    with op.batch_alter_table("stock_snapshot", schema=None) as batch_op:
        batch_op.create_index("ix_stock_snapshot_scope", ["account_id", "scope", "id"], unique=False)

    op.create_table(
        "stream_state",
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column(
            "cursor", sa.Text(), nullable=False, comment="JSON, the source's own; committed with the rows it has passed"
        ),
        sa.Column(
            "complete", sa.Boolean(), nullable=False, comment="false: a run stopped inside; the next one resumes here"
        ),
        sa.Column(
            "as_of",
            sa.BigInteger(),
            nullable=True,
            comment="start of the newest whole reading, by the marketplace's clock",
        ),
        sa.Column("rows_last", sa.BigInteger(), nullable=True, comment="rows of the newest whole reading"),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_stream_state_account_id")),
        sa.PrimaryKeyConstraint("account_id", "stream", name=op.f("pk_stream_state")),
    )
    op.create_table(
        "listing_price",
        sa.Column("listing_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "valid_from", sa.BigInteger(), nullable=False, comment="first reading with it, by the marketplace's clock"
        ),
        sa.Column(
            "price", sa.BigInteger(), nullable=True, comment="ten-thousandths of `currency`; NULL: no price any more"
        ),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["listing_id"], ["listing.id"], name=op.f("fk_listing_price_listing_id")),
        sa.PrimaryKeyConstraint("listing_id", "valid_from", name=op.f("pk_listing_price")),
        comment="each change of a listing's price, append-only",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sku",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("listing_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "external_id", sa.Text(), nullable=False, comment="what is stocked and sold: Ozon sku, Wildberries chrtId"
        ),
        sa.Column(
            "size", sa.Text(), nullable=True, comment="size as the marketplace names it; NULL where a card has one"
        ),
        sa.Column(
            "item_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="NULL: not linked yet, shown as a product of its own",
        ),
        sa.Column(
            "retired_at", sa.BigInteger(), nullable=True, comment="the card no longer has it; it keeps its history"
        ),
        sa.Column(
            "stock_told_at",
            sa.BigInteger(),
            nullable=True,
            comment="first whole answer about its stock; without rows that means none",
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_sku_account_id")),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_sku_item_id")),
        sa.ForeignKeyConstraint(["listing_id"], ["listing.id"], name=op.f("fk_sku_listing_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sku")),
        sa.UniqueConstraint("account_id", "external_id", name=op.f("uq_sku_account_id_external_id")),
    )
    with op.batch_alter_table("sku", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sku_item_id"), ["item_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_sku_listing_id"), ["listing_id"], unique=False)

    op.create_table(
        "sku_barcode",
        sa.Column("sku_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("barcode", sa.Text(), nullable=False),
        sa.Column("seen_from", sa.BigInteger(), nullable=False),
        sa.Column("seen_until", sa.BigInteger(), nullable=True, comment="first reading without it; NULL: still there"),
        sa.ForeignKeyConstraint(["sku_id"], ["sku.id"], name=op.f("fk_sku_barcode_sku_id")),
        sa.PrimaryKeyConstraint("sku_id", "barcode", "seen_from", name=op.f("pk_sku_barcode")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("sku_barcode", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sku_barcode_barcode"), ["barcode"], unique=False)

    create_search()


def downgrade() -> None:
    op.execute("DROP TABLE product_search")
    with op.batch_alter_table("sku_barcode", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sku_barcode_barcode"))

    op.drop_table("sku_barcode")
    with op.batch_alter_table("sku", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sku_listing_id"))
        batch_op.drop_index(batch_op.f("ix_sku_item_id"))

    op.drop_table("sku")
    op.drop_table("listing_price")
    op.drop_table("stream_state")
    with op.batch_alter_table("stock_snapshot", schema=None) as batch_op:
        batch_op.drop_index("ix_stock_snapshot_scope")

    op.drop_table("stock_snapshot")
    with op.batch_alter_table("sale", schema=None) as batch_op:
        batch_op.drop_index("ix_sale_sku_day")

    op.drop_table("sale")
    op.drop_table("run_stream")
    op.drop_table("place")
    with op.batch_alter_table("order_line", schema=None) as batch_op:
        batch_op.drop_index("ix_order_line_demand")

    op.drop_table("order_line")
    op.drop_table("listing")
    op.drop_table("summary_dirty")
    op.drop_table("stock_staging")
    op.drop_table("stock_history")
    with op.batch_alter_table("stock", schema=None) as batch_op:
        batch_op.drop_index("ix_stock_place")

    op.drop_table("stock")
    op.drop_table("status_total")
    op.drop_table("status_day")
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_run_open_source",
            sqlite_where=sa.text("state IN ('queued', 'running')"),
            postgresql_where=sa.text("state IN ('queued', 'running')"),
        )
        batch_op.drop_index("ix_run_state")
        batch_op.drop_index("ix_run_source")

    op.drop_table("run")
    with op.batch_alter_table("raw_page", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_raw_page_sha256"))

    op.drop_table("raw_page")
    with op.batch_alter_table("quarantine", schema=None) as batch_op:
        batch_op.drop_index("ix_quarantine_stream")
        batch_op.drop_index(batch_op.f("ix_quarantine_snapshot_id"))

    op.drop_table("quarantine")
    with op.batch_alter_table("product_summary", schema=None) as batch_op:
        batch_op.drop_index("ix_product_summary_stock_value")
        batch_op.drop_index("ix_product_summary_status")
        batch_op.drop_index("ix_product_summary_sold_30d")
        batch_op.drop_index("ix_product_summary_name_sort")
        batch_op.drop_index("ix_product_summary_effect")
        batch_op.drop_index("ix_product_summary_cover_tenths")
        batch_op.drop_index("ix_product_summary_code")
        batch_op.drop_index("ix_product_summary_available")

    op.drop_table("product_summary")
    op.drop_table("item")
    op.drop_table("generation")
    op.drop_table("event")
    op.drop_table("demand_event")
    op.drop_table("account")
