"""Buyers' requests to return rFBS orders, a list of its own: read again from the oldest open one, as nothing tells when
one was changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from micore.domain.records import Record, RejectedRow, ReturnKind, ReturnRecord, ReturnState, SkuHint
from micore.errors import RecordRejectedError
from micore.sources.fields import NO_YEAR, hint, ident, moment
from micore.sources.http import Answer
from micore.sources.ozon.answers import ReturnRequest, Returns
from micore.sources.ozon.api import NAME, OzonApi
from micore.sources.ozon.orders import rfc3339
from micore.sources.ozon.windows import WINDOW
from micore.sources.paging import Fetched, Step, walk
from micore.sources.rereading import Context, told_in
from micore.sources.rows import Batch, RowReader, named

PATH = "/v2/returns/rfbs/list"
PAGE_ROWS = 1000
"""As the example asks; no maximum is documented."""
LONGEST_ID = 19
"""Digits of an id that may be asked for."""

LOOK_BACK = timedelta(days=60)
"""So far back each reading asks, the history at most: a request that was settled may be taken up again."""

LONGEST_LOOK_BACK = timedelta(days=365)
"""So far back where an older request was still open when it was read last. Each month costs a request."""

STATES = {
    "New": ReturnState.ON_THE_WAY,
    "Delivering": ReturnState.ON_THE_WAY,
    "Checkout": ReturnState.ON_THE_WAY,
    "Arbitration": ReturnState.ON_THE_WAY,
    "Approved": ReturnState.BACK,
    "Rejected": ReturnState.WRITTEN_OFF,
}
"""By `group_state`, whose values are documented; those of `state` are not."""
OPEN = tuple(name for name, state in STATES.items() if state == ReturnState.ON_THE_WAY)

PREFIX = "rfbs"
"""Before the ids, which are those of another list than /v1/returns/list."""
CONTEXT: Context = {"list": PATH}
"""What tells rows in quarantine from those of the other list."""


class RequestsCursor(msgspec.Struct, omit_defaults=True):
    """`read_to` is when the last whole reading began. Of the others only `open_since` outlives a reading."""

    read_to: datetime | None = None
    open_since: datetime | None = None
    """When the oldest request was made that this reading, or the last whole one, found open."""
    since: datetime | None = None
    """First instant of the window to go on with; None outside of a reading."""
    at: str = ""
    """Id of the last request that was read of it."""


def request_records(rows: Sequence[ReturnRequest]) -> Sequence[Record]:
    """One for each row; where a page told one twice, as it was told last."""
    records: dict[tuple[str, str], ReturnRecord] = {}
    for row in rows:
        record = _record(row)
        records[record.return_id, record.sku_id] = record
    return list(records.values())


def _record(row: ReturnRequest) -> ReturnRecord:
    group = row.state.group_state if row.state else None
    state = STATES.get(group or "")
    if state is None:
        raise RecordRejectedError(reason="state.group_state", received=str(group), allowed=", ".join(STATES))
    return ReturnRecord(
        return_id=f"{PREFIX}:{ident(row.return_id)}",
        order_id=row.posting_number or None,
        sku_id=ident(row.product.sku),
        scheme="rFBS",
        kind=ReturnKind.BUYER,
        state=state,
        # Nobody tells how many, nor when it was over.
        quantity=None,
        reason="",
        returned_at=moment(row.created_at, field="created_at"),
        finished_at=None,
    )


REQUESTS = RowReader(
    Returns[ReturnRequest],
    Returns[msgspec.Raw],
    ReturnRequest,
    rows_of=lambda answer: answer.returns,
    convert=request_records,
    key_field="return_id",
)
_Batch = Batch[Returns[ReturnRequest], ReturnRequest]


def begun(marks: RequestsCursor | None, as_of: datetime, history: timedelta) -> RequestsCursor:
    """Where a reading that began at `as_of` starts: with what may have changed since the last whole one."""
    if marks is None or marks.read_to is None:
        return RequestsCursor(since=as_of - history)
    since = marks.read_to - min(LOOK_BACK, history)
    if marks.open_since is not None:
        since = min(since, max(marks.open_since, as_of - LONGEST_LOOK_BACK))
    return RequestsCursor(marks.read_to, since=since)


def read_requests(
    api: OzonApi, at: RequestsCursor, as_of: datetime
) -> Iterator[tuple[Answer[_Batch], RequestsCursor, bool]]:
    """The pages up to `as_of`, each with the cursor that goes on behind it and whether it is the last one."""
    since, last_id, oldest = at.since or as_of, at.at, at.open_since
    done = False
    while not done:
        until = min(since + WINDOW, as_of)
        for step in request_pages(api, since, until, last_id):
            oldest = min(filter(None, [oldest, *map(_open_since, step.page.value.rows)]), default=None)
            done = step.following is None and until >= as_of
            if done:
                after = RequestsCursor(as_of, oldest)
            elif step.following is not None:
                after = RequestsCursor(at.read_to, oldest, since, step.following)
            else:
                after = RequestsCursor(at.read_to, oldest, until)
            yield step.page, after, done
        since, last_id = until, ""


def _open_since(row: ReturnRequest) -> datetime | None:
    made = row.created_at
    still_open = row.state is not None and row.state.group_state in OPEN
    return made if still_open and made is not None and made.year >= NO_YEAR else None


def request_pages(api: OzonApi, since: datetime, until: datetime, cursor: str) -> Iterator[Step[Answer[_Batch]]]:
    """The requests that were made in one window, both ends included; a page goes on behind an id, and a short one is
    the last, as nothing else tells it."""
    asked = {"filter": {"created_at": {"from": rfc3339(since), "to": rfc3339(until)}}, "limit": PAGE_ROWS}

    def fetch(at: str) -> tuple[Answer[_Batch], Fetched]:
        answer = api.ask(PATH, {**asked, "last_id": int(at or 0)}, REQUESTS.read)
        batch = answer.value
        rows = len(batch.rows) + len(batch.rejected)
        following = _last_id(batch.envelope.returns or []) if rows >= PAGE_ROWS else None
        return answer, Fetched(rows, following, answer.raw.body)

    return walk(NAME, PATH, cursor, fetch)


def _last_id(rows: Sequence[ReturnRequest | msgspec.Raw]) -> str:
    """The id to go on behind: of the last row that has one, be it otherwise good or bad; empty where none has."""
    for row in reversed(rows):
        told = named(row, "return_id") if isinstance(row, msgspec.Raw) else str(row.return_id)
        if told.isdecimal() and told.isascii() and len(told) <= LONGEST_ID:
            return told
    return ""


def hints(rows: Sequence[ReturnRequest]) -> list[SkuHint]:
    """What these requests tell of their skus."""
    told = (hint(row.product.sku, row.product.offer_id, row.product.name) for row in rows)
    return list({each.sku_id: each for each in told}.values())


def rejected_of(batch: Batch[Any, Any]) -> Sequence[RejectedRow]:
    """Its rejected rows, under the names of their records."""
    return told_in(batch.rejected, CONTEXT, within=PREFIX)
