"""Which process has worked on the runs of a source, and until when: what one keeps in memory, another does not know."""

from __future__ import annotations

from sqlalchemy import Connection, select

from micore.storage.runs import OPEN, worked_on_until
from micore.storage.work_tables import run


def others_until(
    connection: Connection, source: str, *, owner: str, ended: int | None, now: int, taken_over: int | None = None
) -> int | None:
    """Until when a process other than `owner` may have worked on runs of a source; None where none has since `ended`,
    the last run that `owner` brought to its end itself. `taken_over`: until when another may have worked on the run
    that `owner` has now.

    An open run that another process has begun may have been worked on until its lease ran out, see
    runs.worked_on_until. One process at a time works on the runs of a source, so none is worked on while this one is.
    """
    of_source = (run.c.source == source, run.c.started_at.is_not(None))
    open_elsewhere = select(run.c.lease_until).where(
        *of_source, run.c.state.in_(OPEN), run.c.lease_owner.is_distinct_from(owner)
    )
    left = [worked_on_until(row.lease_until, now=now) for row in connection.execute(open_elsewhere)]
    over = select(run.c.id, run.c.finished_at).where(*of_source, run.c.finished_at.is_not(None))
    left += [] if taken_over is None else [taken_over]
    last = connection.execute(over.order_by(run.c.finished_at.desc(), run.c.id.desc()).limit(1)).one_or_none()
    if last is not None and last.id == ended:
        # What was left before has been counted when that run began.
        left = [until for until in left if until > last.finished_at]
    elif last is not None:
        left.append(int(last.finished_at))
    return max(left, default=None)
