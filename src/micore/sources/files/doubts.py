"""What a file tells in several places, so that nobody can say which of them is right; seen before any of it loads."""

from __future__ import annotations

from array import array
from itertools import groupby

from micore.errors import RecordRejectedError
from micore.sources.files.records import GROUPED, HAPPENED, Cells, Manner, key_of, record_of
from micore.sources.files.tables import Row

MOST_LINES = 4
"""As many line numbers does a reason name."""


class Doubts:
    """Filled row by row while a file is laid out, then asked for each row. Holds 20 bytes for each row of the file."""

    def __init__(self, stream: str, manner: Manner) -> None:
        self._stream, self._manner = stream, manner
        self._keys, self._facts, self._lines = array("q"), array("q"), array("Q")
        self._group, self._groups = "", 0
        self._found: dict[int, list[int]] = {}

    def note(self, row: Row, cells: Cells) -> None:
        """A row of the file, in its order."""
        if self._stream in GROUPED:
            self._note_group(row, cells.get(GROUPED[self._stream], ""))
            return
        if row.problem:
            return
        try:
            record = record_of(self._stream, cells, self._manner)
        except RecordRejectedError:
            return  # it stands apart by itself
        # A state may be told twice in the same words. What happened may not: was it once or twice?
        fact = row.line if self._stream in HAPPENED else hash(record)
        self._add(key_of(self._stream, record), fact, row.line)

    def _note_group(self, row: Row, name: str) -> None:
        if name and name != self._group:
            self._groups += 1
            self._add(name, self._groups, row.line)
        self._group = name

    def _add(self, key: str, fact: int, line: int) -> None:
        self._keys.append(hash(key))
        self._facts.append(fact)
        self._lines.append(line)

    def settle(self) -> None:
        """After the last row: find what was told in several ways."""
        keys, facts = self._keys, self._facts
        for key, places in groupby(sorted(range(len(keys)), key=keys.__getitem__), key=keys.__getitem__):
            numbers = list(places)
            if any(facts[number] != facts[numbers[0]] for number in numbers):
                self._found[key] = [self._lines[number] for number in numbers[: MOST_LINES + 1]]
        self._keys, self._facts, self._lines = array("q"), array("q"), array("Q")

    def about(self, key: str) -> RecordRejectedError | None:
        """Why a record (`key_of`) or what lines belong to cannot be believed; None where nothing speaks against it."""
        lines = self._found.get(hash(key)) if self._found else None
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
