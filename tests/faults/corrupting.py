"""Corrupts answers of the simulator, by a seed, and remembers what it did: which rows are still good, which are not."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

from micore.simulator.http import Request
from micore.simulator.server import Simulator
from tests.faults.oracle import DEEP, MISSING, NO_ROW, Asked, Handle, Table, Written, table_of

HOLE, ROWS = "@@hole@@", "@@rows@@"
JUNK: tuple[Any, ...] = (None, -1, 10**40, "x" * 5000, [[[[{"a": [None]}]]]], {"": ""}, "1e400", "\U0001f4a9")


@dataclass
class Told:
    """What the answers of one reading said after they were corrupted."""

    answers: int = 0
    """How many were."""
    good: dict[Handle, str] = field(default_factory=dict)
    """What good rows told of, and the row."""
    bad: set[Handle] = field(default_factory=set)
    raw: list[bytes] = field(default_factory=list)
    """The bad rows, byte by byte."""
    lists: bool = False
    """A row that only lists what is asked about next was among them."""
    whole: bool = False
    """An answer was spoiled as a whole."""
    how: list[str] = field(default_factory=list)


@dataclass
class Corrupter:
    """Answers requests as the simulator does, with rows spoiled in every answer that has some."""

    simulator: Simulator
    source: str
    sku_of_barcode: Mapping[str, str]
    facts: set[Handle]
    """What the reading tells when nothing is spoiled: only rows with a fact behind them are worth spoiling."""
    chance: random.Random
    whole: bool = False
    """Spoil an answer as a whole instead of rows; sometimes as often as it is asked for."""
    honest: bool = False
    """Answer as it is."""
    gone: str = ""
    """A path that answers 404."""
    told: Told = field(default_factory=Told)
    _supply_of_bundle: dict[str, str] = field(default_factory=dict)
    _spoiled_question: Any = ""

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        """An answer, for httpx2.MockTransport."""
        asked = Request(
            request.method,
            request.url.path,
            dict(request.url.params),
            {name.lower(): value for name, value in request.headers.items()},
            request.content,
        )
        app = self.simulator.ozon if self.source == "ozon" else self.simulator.wildberries
        answer = app.answer(asked)
        body, status = answer.body, answer.status
        if self.gone and self.gone in asked.path:
            body, status = b'{"title":"path not found"}', 404
        table = table_of(self.source, asked.path)
        if status == 200 and table is not None and not self.honest:
            payload = json.loads(asked.body) if asked.body else {}
            if payload.get("limit") != 1:  # that only asks how many there are
                question = Asked(asked.path, payload, self._supply_of_bundle, self.sku_of_barcode)
                body = self._changed(body, table, question)
        date = self.simulator.clock.now().strftime("%a, %d %b %Y %H:%M:%S GMT")
        return httpx2.Response(status, content=body, headers={"date": date, "content-type": "application/json"})

    def _changed(self, body: bytes, table: Table, asked: Asked) -> bytes:
        path = asked.path
        envelope = json.loads(body)
        holder, name, rows = _found(envelope, table.rows)
        for order in rows if path.endswith("supply-order/get") else []:
            self._supply_of_bundle.update({each["bundle_id"]: str(each["supply_id"]) for each in order["supplies"]})
        question = (asked.path, json.dumps(asked.payload))
        if self.whole and rows and self._spoiled_question in ("", question) and self.chance.random() < 0.5:
            self._spoiled_question, self.told.whole, self.told.answers = question, True, self.told.answers + 1
            return self._spoiled_whole(body)
        candidates = [
            number
            for number, row in enumerate(rows)
            if isinstance(row, dict)
            and (table.only_lists or any(self._is_fact(each) for each in table.tells(row, asked)))
        ]
        bad = set(self.chance.sample(candidates, min(len(candidates), self.chance.choice((1, 1, 2, 3)))))
        if self.whole or not candidates:
            bad = set()
        written = []
        for number, row in enumerate(rows):
            handles = list(table.tells(row, asked))
            if number in bad:
                text = self._spoiled(row, table, path)
                self.told.bad.update(handles)
                self.told.raw.append(text)
                self.told.lists = self.told.lists or table.only_lists
            else:
                text = self._harmless(row)
                self.told.good.update((each, path) for each in handles)
            written.append(text)
            if number not in bad and not table.adds_up and self.chance.random() < 0.02:
                written.append(text)
        self.told.answers += bool(bad)
        if holder is None:
            return b"[" + b",".join(written) + b"]"
        holder[name] = ROWS
        return _dumped(envelope).replace(f'"{ROWS}"'.encode(), b"[" + b",".join(written) + b"]")

    def _is_fact(self, handle: Handle) -> bool:
        return handle in self.facts or any(known[0] == handle[0] and known[1:2] == handle[1:2] for known in self.facts)

    def _spoiled(self, row: dict[str, Any], table: Table, path: str) -> bytes:
        fields = [each for each in table.fields if _has(row, each)]
        where = self.chance.choice(["", *fields, *fields, *fields]) if fields else ""
        if not where:
            value = self.chance.choice(NO_ROW)
            self.told.how.append(f"{path} row = {value!r:.40}")
            return value.raw if isinstance(value, Written) else _dumped(value)
        value = self.chance.choice(table.fields[where])
        self.told.how.append(f"{path} {where} = {value!r:.40}")
        copy = json.loads(json.dumps(row))
        holder, name = _at(copy, where)
        if value is MISSING:
            # Gone, or under another name.
            old = holder.pop(name)
            if self.chance.random() < 0.5:
                holder[f"{name}_v2"] = old
            return _dumped(copy)
        holder[name] = HOLE if isinstance(value, Written) else value
        text = _dumped(copy)
        return text.replace(f'"{HOLE}"'.encode(), value.raw) if isinstance(value, Written) else text

    def _harmless(self, row: Any) -> bytes:
        """What must not matter: order, spaces, fields nobody reads."""
        if not isinstance(row, dict):
            return _dumped(row)
        copy = dict(row)
        if self.chance.random() < 0.2:
            copy[f"new_field_{self.chance.randint(0, 9)}"] = self.chance.choice(JUNK)
        if self.chance.random() < 0.2:
            names = list(copy)
            self.chance.shuffle(names)
            copy = {name: copy[name] for name in names}
        spaced = self.chance.random() < 0.1
        return json.dumps(copy, ensure_ascii=False, indent=1).encode() if spaced else _dumped(copy)

    def _spoiled_whole(self, body: bytes) -> bytes:
        ways: list[tuple[str, Callable[[], bytes]]] = [
            ("cut", lambda: body[: self.chance.randrange(1, len(body) - 1)]),
            ("utf-16", lambda: body.decode().encode("utf-16")),
            ("html", lambda: b"<html><body>Checking your browser</body></html>"),
            ("nothing", lambda: b""),
            ("null", lambda: b"null"),
            ("a word", lambda: b'"ok"'),
            ("a number", lambda: b"7"),
            ("deep", lambda: DEEP.raw),
            ("zeros", lambda: b"\x00" * len(body)),
            ("noise", lambda: self.chance.randbytes(200)),
            ("twice", lambda: body + body),
            ("half of it twice", lambda: body[: len(body) // 2] + body),
        ]
        name, make = self.chance.choice(ways)
        self.told.how.append(f"the whole answer: {name}")
        return make()


def _found(envelope: Any, where: str) -> tuple[Any, str, list[Any]]:
    if not where:
        return None, "", envelope
    holder, name = _at(envelope, where)
    return holder, name, holder[name] or []


def _at(value: Any, where: str) -> tuple[Any, Any]:
    *way, last = [int(each) if each.isdecimal() else each for each in where.split(".")]
    for each in way:
        value = value[each]
    return value, last


def _has(row: Any, where: str) -> bool:
    try:
        holder, name = _at(row, where)
        holder[name]
    except (KeyError, IndexError, TypeError):
        return False
    return True


def _dumped(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
