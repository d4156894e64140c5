"""Which backups may go: only old ones, never the last good ones, and no clock that jumps changes that."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

KEPT_AT_LEAST = 3
_DOUBTED_PAUSES = 2


def outlived(made_at: Sequence[datetime], *, now: datetime, kept: timedelta) -> list[int]:
    """The places of those backups that may be deleted, of verified ones in the order in which they were made.

    The three made last stay whatever their instants say. Of the others one goes when it is older than `kept` by the
    clock, and by the pauses between the backups made since. Of these the two longest count no more than the third
    longest: a clock that was set ten years ahead adds one usual pause and not ten years. Where backups were really
    paused, old ones stay longer than they need to.
    """
    since_each = zip(made_at, [*made_at, now][1:], strict=True)
    pauses = [max(later - earlier, timedelta(0)) for earlier, later in since_each]
    believed = _believed_pause(pauses)
    found, since = [], timedelta(0)
    for place in range(len(made_at) - 1, -1, -1):
        since += min(pauses[place], believed)
        newer = len(made_at) - 1 - place
        if newer >= KEPT_AT_LEAST and since > kept and now - made_at[place] > kept:
            found.append(place)
    return found[::-1]


def _believed_pause(pauses: Sequence[timedelta]) -> timedelta:
    longest = sorted(pauses, reverse=True)
    return longest[_DOUBTED_PAUSES] if len(longest) > _DOUBTED_PAUSES else timedelta(0)
