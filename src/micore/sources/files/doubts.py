"""What a file tells in several places, so that nobody can say which of them is right; seen before any of it loads."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from itertools import groupby

from micore.errors import RecordRejectedError
from micore.sources.files.records import GROUPED, HAPPENED, TELLING, Cells, Manner, place_and_sku, record_of
from micore.sources.files.tables import Row

MOST_LINES = 4
"""As many line numbers does a reason name."""


class Doubts:
    """Filled row by row while a file is laid out, then asked for each row. Holds 24 bytes for each row of the file."""

    def __init__(self, stream: str, manner: Manner) -> None:
        self._stream, self._manner = stream, manner
        self._keys, self._facts, self._lines = array("q"), array("q"), array("Q")
        self._group, self._groups = "", 0
        self._found: dict[int, list[int]] = {}

    def note(self, row: Row, cells: Cells) -> None:
        """A row of the file, in its order."""
        if self._stream in GROUPED:
            self._note_group(row, cells.get(GROUPED[self._stream], ""))
        elif not row.problem:
            # A state may be told twice in the same words. What happened may not: was it once or twice?
            fact = row.line if self._stream in HAPPENED else hash(tuple(map(cells.get, TELLING[self._stream])))
            self._add(place_and_sku(self._stream, cells), fact, row.line)

    def _note_group(self, row: Row, name: str) -> None:
        if name and name != self._group:
            self._groups += 1
            self._add(name, self._groups, row.line)
        self._group = name

    def _add(self, key: str, fact: int, line: int) -> None:
        self._keys.append(hash(key))
        self._facts.append(fact)
        self._lines.append(line)

    def settle(self, rows: Iterable[tuple[Row, Cells]]) -> None:
        """After the last row: find what was told in several ways. `rows` are all of them, to be looked at once more."""
        self._find()
        if self._stream in GROUPED or not self._found:
            return
        # Words that differ may mean the same, as 1 and 1,0 do; and what nobody can believe contradicts nothing.
        suspected, self._found = self._found, {}
        self._keys, self._facts, self._lines = array("q"), array("q"), array("Q")
        for row, cells in rows:
            key = place_and_sku(self._stream, cells)
            if hash(key) not in suspected or row.problem:
                continue
            try:
                record = record_of(self._stream, cells, self._manner)
            except RecordRejectedError:
                continue  # it stands apart by itself
            self._add(key, row.line if self._stream in HAPPENED else hash(record), row.line)
        self._find()

    def _find(self) -> None:
        keys, facts = self._keys, self._facts
        for key, places in groupby(sorted(range(len(keys)), key=keys.__getitem__), key=keys.__getitem__):
            numbers = list(places)
            if any(facts[number] != facts[numbers[0]] for number in numbers):
                self._found[key] = sorted(self._lines[number] for number in numbers)[: MOST_LINES + 1]

    def about(self, cells: Cells) -> RecordRejectedError | None:
        """Why a row, or the lines that it belongs to, cannot be believed; None where nothing speaks against it."""
        if not self._found:
            return None
        key = cells[GROUPED[self._stream]] if self._stream in GROUPED else place_and_sku(self._stream, cells)
        lines = self._found.get(hash(key))
        if lines is None:
            return None
        named = " and ".join(str(line) for line in lines[:MOST_LINES]) + (" and more" * (len(lines) > MOST_LINES))
        if self._stream in GROUPED:
            received, allowed = (
                f"{key} in lines {named}, others between",
                "one after the other; keep its lines together",
            )
        elif self._stream in HAPPENED:
            received, allowed = f"{key} in lines {named}", "one row; add them up, or take one out"
        else:
            received, allowed = f"{key} in lines {named}, differently", "one row; which of them is right?"
        return RecordRejectedError(reason="twice", received=received, allowed=allowed)
