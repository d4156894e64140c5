"""Quarantine: rows that could not be believed, and what a person decides about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Path, Query, Request
from pydantic import Field
from starlette.responses import Response

from micore.api.answers import json_answer
from micore.api.routes.context import Ready, noun_router, only_known_sources
from micore.domain.quarantine import QuarantineCount, QuarantinedRowDetail, QuarantineOverview, QuarantinePage, RowState
from micore.domain.run_views import Trigger
from micore.errors import InvalidRequestError
from micore.services.quarantine import Mended, Settled
from micore.storage.quarantine_desk import MOST_IDS, RowFilter

router = noun_router("/api/v1/quarantine", "quarantine")

RowId = Annotated[int, Path(ge=1, le=2**63 - 1)]
_BY = "dashboard"


@dataclass(frozen=True, slots=True)
class RowsMeant:
    """Which rows a decision is about: some of them by id, or all that a filter finds. Nothing given is refused."""

    __pydantic_config__ = {"use_attribute_docstrings": True, "extra": "forbid"}  # noqa: RUF012

    ids: list[int] | None = None
    """Up to 1,000."""
    source: str | None = None
    """Plug-in name."""
    account_id: Annotated[int, Field(ge=1, le=2**63 - 1)] | None = None
    stream: str | None = None
    rule: str | None = None
    """As a group of the overview tells it."""
    reason: str | None = None
    """Why they are dropped; kept with the rows. Only for dropping."""

    def filter(self) -> RowFilter:
        """Raises InvalidRequestError where nothing is named: a decision about everything must be said."""
        if self.ids is not None and not 0 < len(self.ids) <= MOST_IDS:
            raise InvalidRequestError("ids", received=f"{len(self.ids):,} ids", allowed=f"1 to {MOST_IDS:,}")
        if self.ids and not all(0 < each < 2**63 for each in self.ids):
            raise InvalidRequestError("ids", received=str(self.ids), allowed="numbers of rows")
        if not any((self.ids, self.source, self.account_id, self.stream, self.rule)):
            raise InvalidRequestError("ids", received="no row", allowed="ids, or a source, account, stream or rule")
        ids = None if self.ids is None else tuple(self.ids)
        return RowFilter(self.source, self.account_id, self.stream, None, self.rule, ids)


@dataclass(frozen=True, slots=True)
class RowFixed:
    """A row as a person mended it."""

    __pydantic_config__ = {"use_attribute_docstrings": True, "extra": "forbid"}  # noqa: RUF012

    row: str
    """JSON, in the marketplace's form."""


@router.get("", response_model=QuarantineOverview, operation_id="get_quarantine")
async def get_quarantine(request: Request, parts: Ready) -> Response:
    """What waits, grouped by what is to be decided, and how many rows each stream has in which state."""
    return json_answer(request, await parts.call(parts.quarantine.overview))


@router.get("/waiting", response_model=QuarantineCount, operation_id="count_quarantined_rows")
async def count_quarantined_rows(request: Request, parts: Ready) -> Response:
    """How many rows wait: one number, for pages that only lead here."""
    return json_answer(request, await parts.call(parts.quarantine.waiting))


@router.get("/rows", response_model=QuarantinePage, operation_id="list_quarantined_rows")
async def list_quarantined_rows(
    request: Request,
    parts: Ready,
    source: Annotated[str | None, Query(max_length=50, description="Plug-in name")] = None,
    account_id: Annotated[
        int | None, Query(ge=1, le=2**63 - 1, description="Account, as a group of the overview tells it")
    ] = None,
    stream: Annotated[str | None, Query(max_length=50, description="orders, sales, ...")] = None,
    state: Annotated[RowState | None, Query(description="Only rows in this state")] = None,
    rule: Annotated[str | None, Query(max_length=700, description="The rule they broke, as a group tells it")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Rows per page")] = 50,
    cursor: Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before")] = None,
) -> Response:
    """Rows, newest first."""
    only_known_sources(parts, "source", [] if source is None else [source])
    wanted = RowFilter(source, account_id, stream, state, rule)
    return json_answer(request, await parts.call(parts.quarantine.page, wanted, limit=limit, cursor=cursor))


@router.get("/rows/{row_id}", response_model=QuarantinedRowDetail, operation_id="get_quarantined_row")
async def get_quarantined_row(request: Request, parts: Ready, row_id: RowId) -> Response:
    """One row with its bytes, as received and as mended, and where the whole answer is kept (/api/v1/raw)."""
    return json_answer(request, await parts.call(parts.quarantine.row, row_id))


@router.post("/rows/{row_id}/fix", response_model=Mended, status_code=202, operation_id="fix_quarantined_row")
async def fix_quarantined_row(request: Request, parts: Ready, row_id: RowId, body: RowFixed) -> Response:
    """Mend a row and have it loaded. 422: its reader refuses the new version too, and says why. 409: it waits not."""
    mended = await parts.call(parts.quarantine.fix, row_id, body.row, by=_BY, trigger=Trigger.BUTTON)
    return json_answer(request, mended, status=202)


@router.post("/replay", response_model=Settled, status_code=202, operation_id="replay_quarantined_rows")
async def replay_quarantined_rows(request: Request, parts: Ready, body: RowsMeant) -> Response:
    """Try waiting rows again by the rules of today, as a run of its own. The marketplace is not asked."""
    settled = await parts.call(parts.quarantine.replay, body.filter(), trigger=Trigger.BUTTON)
    return json_answer(request, settled, status=202)


@router.post("/drop", response_model=Settled, operation_id="drop_quarantined_rows")
async def drop_quarantined_rows(request: Request, parts: Ready, body: RowsMeant) -> Response:
    """Say that waiting rows are not to be loaded, and why. While the marketplace tells the same, nobody is asked."""
    settled = await parts.call(parts.quarantine.drop, body.filter(), note=body.reason or "", by=_BY)
    return json_answer(request, settled)


@router.post("/restore", response_model=Settled, operation_id="restore_quarantined_rows")
async def restore_quarantined_rows(request: Request, parts: Ready, body: RowsMeant) -> Response:
    """Take a drop back: the rows wait again."""
    return json_answer(request, await parts.call(parts.quarantine.take_back, body.filter(), by=_BY))
