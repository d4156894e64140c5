"""The returns stream: what buyers refused or brought back, and how far it has come on its way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import msgspec

from micore.domain.records import Record, ReturnKind, ReturnRecord, ReturnState, SkuHint
from micore.domain.units import MILLI
from micore.errors import RecordRejectedError
from micore.sources.base import Page
from micore.sources.cursors import from_text, to_text
from micore.sources.fields import NO_YEAR, hint, ident, moment
from micore.sources.http import Answer
from micore.sources.ozon.answers import Return, ReturnMoments, Returns
from micore.sources.ozon.api import NAME, OzonApi
from micore.sources.ozon.orders import rfc3339
from micore.sources.ozon.return_requests import RequestsCursor, begun, read_requests, rejected_of
from micore.sources.ozon.return_requests import hints as hints_of_requests
from micore.sources.ozon.windows import WINDOW
from micore.sources.paging import Fetched, Step, walk
from micore.sources.rows import Batch, RowReader, named

PATH = "/v1/returns/list"
PAGE_ROWS = 500

OVERLAP = timedelta(days=3)
"""Changes that Ozon shows late carry their earlier time."""

KINDS = {
    "Cancellation": ReturnKind.REFUSED,
    # "полный / частичный отказ при вручении": refused at the handing over, the buyer never took them.
    "FullReturn": ReturnKind.REFUSED,
    "PartialReturn": ReturnKind.REFUSED,
    "ClientReturn": ReturnKind.BUYER,
}
"""By `type`; any other, like a technical return, tells no reason."""

ON_ITS_WAY = {
    "WaitingShipment": ReturnState.ON_THE_WAY,
    "MovingToOzon": ReturnState.ON_THE_WAY,
    "MovingToSeller": ReturnState.ON_THE_WAY,
    "ReturningToSellerByCourier": ReturnState.ON_THE_WAY,
    "ArrivedAtReturnPlace": ReturnState.READY,
    "ReturnedToOzon": ReturnState.BACK,
    "ReceivedBySeller": ReturnState.BACK,
    "Utilizing": ReturnState.WRITTEN_OFF,
    "Utilized": ReturnState.WRITTEN_OFF,
}
"""The documented statuses that tell where the goods are."""

IN_TALKS = {
    "OnSellerApproval": ReturnState.ON_THE_WAY,
    "OnSellerClarification": ReturnState.ON_THE_WAY,
    "OnSellerClarificationAfterPartialCompensation": ReturnState.ON_THE_WAY,
    "OfferedPartialCompensation": ReturnState.ON_THE_WAY,
    "Approved": ReturnState.ON_THE_WAY,
    "ApprovedByOzon": ReturnState.ON_THE_WAY,
    "ReturnMoneyApproved": ReturnState.ON_THE_WAY,
    "DisputeOpened": ReturnState.ON_THE_WAY,
    "DisputeYouOpened": ReturnState.ON_THE_WAY,
    "DisputeOpening": ReturnState.ON_THE_WAY,
    "SendingError": ReturnState.ON_THE_WAY,
    "CompensationOffered": ReturnState.ON_THE_WAY,
    "WaitingCompensation": ReturnState.ON_THE_WAY,
    "PartialCompensationInProcess": ReturnState.WRITTEN_OFF,
    "PartialCompensationReturned": ReturnState.WRITTEN_OFF,
    "MoneyReturned": ReturnState.WRITTEN_OFF,
    "MoneyReturnedBySystem": ReturnState.WRITTEN_OFF,
    "CancelledDisputeNotOpen": ReturnState.WRITTEN_OFF,
    "Rejected": ReturnState.WRITTEN_OFF,
    "CrmRejected": ReturnState.WRITTEN_OFF,
    "Cancelled": ReturnState.WRITTEN_OFF,
    "CompensationRejected": ReturnState.WRITTEN_OFF,
    "CompensationRejectedBySla": ReturnState.WRITTEN_OFF,
    "CompensationRejectedBySeller": ReturnState.WRITTEN_OFF,
}
"""The documented statuses of a talk about money, open or over: whether the goods came, `final_moment` alone tells."""

ENDED = (ReturnState.BACK, ReturnState.WRITTEN_OFF)


class ReturnsCursor(msgspec.Struct, omit_defaults=True):
    """`since` is where the next window begins; `as_of` and `at` stand only inside of a broken reading."""

    since: datetime | None = None
    as_of: datetime | None = None
    at: str = ""
    """Id of the last return that was read of the window."""
    requests: RequestsCursor | None = None
    """How far the list of rFBS requests has come, and where this reading begins in it."""
    in_requests: bool = False
    """The returns of FBO and FBS have been read."""


def state_of(status: str | None, *, arrived: bool) -> ReturnState:
    """Our word for Ozon's; raises RecordRejectedError for one that is not documented."""
    found = ON_ITS_WAY.get(status or "")
    if found is not None:
        return found
    found = IN_TALKS.get(status or "")
    if found is None:
        allowed = ", ".join([*ON_ITS_WAY, *IN_TALKS])
        raise RecordRejectedError(reason="visual.status.sys_name", received=str(status), allowed=allowed)
    return ReturnState.BACK if arrived else found


def return_records(rows: Sequence[Return]) -> Sequence[Record]:
    """One for each row; where a page told one twice, as it was told last."""
    records: dict[tuple[str, str], ReturnRecord] = {}
    for row in rows:
        record = _record(row)
        records[record.return_id, record.sku_id] = record
    return list(records.values())


def _record(row: Return) -> ReturnRecord:
    moments = row.logistic or ReturnMoments()
    status = row.visual.status if row.visual else None
    changed = row.visual.change_moment if row.visual else None
    final = _told(moments.final_moment)
    state = state_of(status.sys_name if status else None, arrived=final is not None)
    # What nobody brought back, like a posting cancelled on its way, may have no date of return.
    begun = _told(moments.return_date) or _told(moments.technical_return_moment) or changed
    schema = (row.schema or "").upper()
    return ReturnRecord(
        return_id=ident(row.id),
        order_id=row.posting_number or None,
        sku_id=ident(row.product.sku),
        scheme=schema if schema in ("FBO", "FBS") else "",
        kind=KINDS.get(row.type or "", ReturnKind.UNKNOWN),
        state=state,
        quantity=row.product.quantity * MILLI,
        reason=row.return_reason_name or "",
        returned_at=moment(begun, field="logistic.return_date"),
        finished_at=moment(final or changed, field="visual.change_moment") if state in ENDED else None,
    )


def _told(value: datetime | None) -> datetime | None:
    return None if value is None or value.year < NO_YEAR else value


RETURNS = RowReader(
    Returns[Return],
    Returns[msgspec.Raw],
    Return,
    rows_of=lambda answer: answer.returns,
    convert=return_records,
    key_field="id",
)
_Batch = Batch[Returns[Return], Return]


def read_returns(api: OzonApi, cursor: str | None, history: timedelta) -> Iterator[Page]:
    """The stream; see Source.read. First the returns of FBO and FBS, then the requests of rFBS."""
    at = from_text(NAME, ReturnsCursor, cursor) or ReturnsCursor()
    as_of = at.as_of or api.now()
    going_on = at.as_of is not None and at.requests is not None and at.requests.since is not None
    requests = at.requests if going_on and at.requests else begun(at.requests, as_of, history)
    if not at.in_requests:
        yield from _read_returns(api, ReturnsCursor(at.since or as_of - history, as_of, at.at, requests))
    for answer, after, done in read_requests(api, requests, as_of):
        batch = answer.value
        following = ReturnsCursor(as_of - OVERLAP, None if done else as_of, "", after, in_requests=not done)
        yield Page(
            answer.raw,
            batch.records,
            rejected_of(batch),
            to_text(following),
            as_of,
            done=done,
            skus=hints_of_requests(batch.rows),
        )


def _read_returns(api: OzonApi, at: ReturnsCursor) -> Iterator[Page]:
    """The returns of FBO and FBS; behind the last page the reading goes on with the requests."""
    assert at.since is not None and at.as_of is not None
    since, as_of, last_id = at.since, at.as_of, at.at
    whole = False
    while not whole:
        until = min(since + WINDOW, as_of)
        whole = until == as_of
        for step in return_pages(api, since, until, last_id):
            batch, more = step.page.value, step.following
            if more is not None:
                after = ReturnsCursor(since, as_of, more, at.requests)
            elif whole:
                after = ReturnsCursor(as_of - OVERLAP, as_of, "", at.requests, in_requests=True)
            else:
                after = ReturnsCursor(until, as_of, "", at.requests)
            yield Page(
                step.page.raw,
                batch.records,
                batch.rejected,
                to_text(after),
                as_of,
                skus=hints(batch.rows),
            )
        since, last_id = until, ""


def hints(rows: Sequence[Return]) -> list[SkuHint]:
    """What these returns tell of their skus."""
    told = (hint(row.product.sku, row.product.offer_id, row.product.name) for row in rows)
    return list({each.sku_id: each for each in told}.values())


def return_pages(
    api: OzonApi, since: datetime, until: datetime, cursor: str, *, by: str = "visual_status_change_moment"
) -> Iterator[Step[Answer[_Batch]]]:
    """The returns whose status was changed last (or what else they are asked for `by`) in one window; a page goes on
    behind an id."""
    period = {"time_from": rfc3339(since), "time_to": rfc3339(until)}
    asked = {"filter": {by: period}, "limit": PAGE_ROWS}

    def fetch(at: str) -> tuple[Answer[_Batch], Fetched]:
        answer = api.ask(PATH, {**asked, "last_id": int(at or 0)}, RETURNS.read)
        batch = answer.value
        rows, told = len(batch.rows) + len(batch.rejected), batch.envelope.has_next
        more = told if told is not None else rows >= PAGE_ROWS
        return answer, Fetched(rows, last_id_of(batch.envelope.returns or []) if more else None)

    return walk(NAME, PATH, cursor, fetch)


def last_id_of(rows: Sequence[Return | msgspec.Raw]) -> str:
    """The id to go on behind: of the last row that has one, be it otherwise good or bad; empty where none has."""
    for row in reversed(rows):
        told = named(row, "id") if isinstance(row, msgspec.Raw) else str(row.id)
        if told.isdecimal() and told.isascii():
            return told
    return ""
