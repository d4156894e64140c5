"""The schema's second page: runs, raw answers, quarantine and events. Conventions as in tables.py."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    text,
)

from micore.storage.schema import Id, metadata

run = Table(
    "run",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False, comment="sync, backfill, reconcile, replay"),
    Column("source", Text, nullable=False),
    Column("account_id", BigInteger, comment="NULL until the account is known"),
    Column("state", Text, nullable=False, comment="queued, running, done, gaps, failed, stopped"),
    Column("trigger", Text, nullable=False, comment="schedule, button, command"),
    Column("params", Text, nullable=False, server_default="{}", comment="JSON: streams, full, days"),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("lease_owner", Text),
    Column("lease_until", BigInteger, comment="after this another worker takes it up again"),
    Column("stop_requested", Boolean, nullable=False, server_default=text("false")),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("message", Text),
    Column("remedy", Text),
    Column("waits_until", BigInteger, comment="the marketplace's limits let it ask again; past or NULL: it does"),
    Index("ix_run_state", "state", "id"),
    Index("ix_run_source", "source", "id"),
    # A backfill waits beside the live sync of its source; no two of one kind do.
    Index(
        "uq_run_open_source",
        "source",
        "kind",
        unique=True,
        sqlite_where=text("state IN ('queued', 'running')"),
        postgresql_where=text("state IN ('queued', 'running')"),
    ),
    comment="the one truth of all work; history for ever",
)

run_stream = Table(
    "run_stream",
    metadata,
    Column("run_id", ForeignKey("run.id"), nullable=False),
    Column("stream", Text, nullable=False),
    Column("position", SmallInteger, nullable=False),
    Column("state", Text, nullable=False, comment="waiting, running, done, held, failed, skipped"),
    Column("expected_rows", BigInteger),
    Column("pages", BigInteger, nullable=False, server_default="0"),
    Column("rows_read", BigInteger, nullable=False, server_default="0"),
    Column("rows_loaded", BigInteger, nullable=False, server_default="0"),
    Column("rows_unchanged", BigInteger, nullable=False, server_default="0"),
    Column("rows_rejected", BigInteger, nullable=False, server_default="0"),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("message", Text),
    PrimaryKeyConstraint("run_id", "stream"),
)

backfill_stream = Table(
    "backfill_stream",
    metadata,
    Column("run_id", ForeignKey("run.id"), nullable=False),
    Column("stream", Text, nullable=False),
    Column("windows", Integer, nullable=False, comment="stretches of days that the range is read in"),
    Column("windows_done", Integer, nullable=False, server_default="0"),
    Column("cursor", Text, comment="JSON, the source's own, inside of the present window; NULL: at its start"),
    Column("rows_new", BigInteger, nullable=False, server_default="0", comment="of rows_loaded; the others changed"),
    PrimaryKeyConstraint("run_id", "stream"),
    comment="how far a backfill has come; stream_state belongs to live syncs alone",
)

source_key = Table(
    "source_key",
    metadata,
    Column("slot", Text, primary_key=True, comment="ozon, ozon-2"),
    Column("account_id", ForeignKey("account.id"), comment="whose key it was last; NULL: it was never accepted"),
    Column("expires_at", BigInteger, comment="as the marketplace or the key itself says; NULL: not told"),
    Column("problem", Text, comment="why the marketplace refuses it; NULL: it was accepted last"),
    Column("remedy", Text),
    Column("checked_at", BigInteger, nullable=False),
    comment="what is known of each account's key; never the key",
)

reconciliation = Table(
    "reconciliation",
    metadata,
    Column("run_id", ForeignKey("run.id"), nullable=False),
    Column("stream", Text, nullable=False),
    Column("account_id", BigInteger, nullable=False, index=True),
    Column("checked_at", BigInteger, nullable=False),
    Column("result", Text, nullable=False, comment="JSON: sums by day, differences by class, some rows of each"),
    PrimaryKeyConstraint("run_id", "stream"),
    comment="our tables beside the marketplace's own figures",
)

source_note = Table(
    "source_note",
    metadata,
    Column("account_id", ForeignKey("account.id"), nullable=False),
    Column("name", Text, nullable=False, comment="what it is about: stock FBW"),
    Column("text", Text, nullable=False, comment="the source's own; empty: nothing any more"),
    Column("changed_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("account_id", "name"),
    comment="what a comparison must not do twice, such as a report that it has ordered",
)

stream_state = Table(
    "stream_state",
    metadata,
    Column("account_id", ForeignKey("account.id"), nullable=False),
    Column("stream", Text, nullable=False),
    Column("cursor", Text, nullable=False, comment="JSON, the source's own; committed with the rows it has passed"),
    Column("complete", Boolean, nullable=False, comment="false: a run stopped inside; the next one resumes here"),
    Column("as_of", BigInteger, comment="start of the newest whole reading, by the marketplace's clock"),
    Column("rows_last", BigInteger, comment="rows of the newest whole reading"),
    Column("changed_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("account_id", "stream"),
)

raw_page = Table(
    "raw_page",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("account_id", BigInteger, nullable=False),
    Column("stream", Text, nullable=False),
    Column("run_id", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False, index=True, comment="of the answer's bytes, hex"),
    Column("segment", Text, nullable=False, comment="file under raw/"),
    Column("position", BigInteger, nullable=False, comment="byte offset of the frame in the segment"),
    Column("length", BigInteger, nullable=False, comment="bytes of the frame"),
    Column("size", BigInteger, nullable=False, comment="bytes of the answer"),
    Column("endpoint", Text, nullable=False),
    Column("request", Text, nullable=False, comment="the request's body or query, secrets never"),
    Column("received_at", BigInteger, nullable=False, comment="by our clock"),
    Column("parser", Text, nullable=False, comment="plug-in and version that read it"),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("account_id", BigInteger, nullable=False),
    Column("stream", Text, nullable=False),
    Column("run_id", BigInteger, nullable=False),
    Column("raw_page_id", BigInteger),
    Column("snapshot_id", BigInteger, index=True, comment="the snapshot it is missing from"),
    Column("row_key", Text, nullable=False, comment="what the row names itself; empty where it has no name"),
    Column("reason", Text, nullable=False),
    Column("bytes", LargeBinary, nullable=False, comment="the row as it was received"),
    Column("received_at", BigInteger, nullable=False),
    Column("rule", Text, comment="the reason without what was received"),
    Column("context", Text, comment="JSON, the source's own: what it stood in"),
    Column("digest", Text, comment="of key, context and bytes: the same row again"),
    Column("state", Text, nullable=False, server_default="waiting", comment="waiting, loaded, dropped, superseded"),
    Column("may_pass", Boolean, nullable=False, server_default=text("false"), comment="it names what may come yet"),
    Column("as_of", BigInteger, comment="of its reading, by the marketplace's clock"),
    Column("told_at", BigInteger, comment="when the marketplace told it last; NULL: once only"),
    Column("parser", Text, comment="plug-in and version that tried it last"),
    Column("attempts", Integer, nullable=False, server_default="0", comment="how often it was tried again"),
    Column("tried_at", BigInteger),
    Column("tried_run_id", BigInteger),
    Column("asked_at", BigInteger, comment="when a person last asked for a try"),
    Column("fixed", LargeBinary, comment="the row as a person mended it"),
    Column("fixed_at", BigInteger),
    Column("fixed_by", Text),
    Column("resolved_at", BigInteger, comment="when it was loaded, dropped or superseded"),
    Column("note", Text, comment="why it was dropped or superseded"),
    Index("ix_quarantine_stream", "account_id", "stream", "id"),
    Index("ix_quarantine_state", "state", "account_id", "stream", "rule"),
    Index("ix_quarantine_digest", "account_id", "digest"),
    comment="rows that could not be believed",
)

event = Table(
    "event",
    metadata,
    Column("seq", Id, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("kind", Text, nullable=False, comment="stock.published, run.finished, ..."),
    Column("actor", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("payload", Text, nullable=False, comment="JSON"),
    comment="one append-only stream of every acknowledged write; several readers",
)

journal_head = Table(
    "journal_head",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False, comment="1: there is one row"),
    Column("log", Text, comment="the transaction log that follows this database; NULL: none yet"),
    Column("seq", BigInteger, nullable=False, comment="number of the newest event"),
    Column(
        "logged",
        BigInteger,
        nullable=False,
        comment="the log has them up to here; -1: a replay is under way",
    ),
    comment="where the one stream of events stands",
)

journal_change = Table(
    "journal_change",
    metadata,
    Column("seq", BigInteger, nullable=False, comment="the event of the transaction that changed them"),
    Column("part", Integer, nullable=False),
    Column("rows", Text, nullable=False, comment="JSON: rows changed, by table"),
    Column("changes", LargeBinary, nullable=False, comment="the rows as they were left, packed"),
    Column("more", Boolean, nullable=False, server_default=text("false"), comment="the transaction has a next event"),
    PrimaryKeyConstraint("seq", "part"),
    comment="what the log has not taken over yet; empty at rest but for the newest transaction",
)
