"""Many cuts of one recording, and what is wrong after each."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from tests.power.cutting import Cut, cuts, lay_out
from tests.power.recording import Recording

Judge = Callable[[Path, Sequence[str]], list[str]]
"""Says what is wrong in a folder that a cut has left, after what was acknowledged."""


def cut_at_random(recording: Recording, many: int, seed: int, after: int = 0) -> Iterator[Cut]:
    """Cuts anywhere in what was recorded, the end included; not before the record `after`."""
    chance = random.Random(seed)
    points = [chance.randint(after, len(recording.journal)) for _ in range(many)]
    return cuts(recording.baseline, recording.journal, points, seed)


def cut_everywhere(recording: Recording, times: int, seed: int) -> Iterator[Cut]:
    """So many cuts before each record, and at the end."""
    points = [point for point in range(len(recording.journal) + 1) for _ in range(times)]
    return cuts(recording.baseline, recording.journal, points, seed)


def findings(recording: Recording, made: Iterable[Cut], judge: Judge) -> list[tuple[Cut, list[str]]]:
    """What is wrong after each of these cuts."""
    place, judged = recording.home, []
    for cut in made:
        lay_out(cut.files, place)
        judged.append((cut._replace(files={}), judge(place, cut.acknowledged)))
        shutil.rmtree(place)
    return judged


def nothing_wrong(judged: Sequence[tuple[Cut, list[str]]]) -> None:
    bad = [f"cut at {cut.at}, seed {cut.seed}: {found}" for cut, found in judged if found]
    assert not bad, f"{len(bad)} of {len(judged)}: " + "\n".join(bad[:5])
