"""Faults inside a good answer: its rows and page marks, found in whatever envelope the method has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from micore.simulator.http import Answer, Request, encode

FIELD_KINDS = ("renamed", "dropped")
"""Kinds whose argument is a field's name."""
ROW_KINDS = ("empty", "shrunken", "types", *FIELD_KINDS, "repeated-cursor", "foreign", "queue")

NO_NUMBER = "н/д"
FOREIGN_STEP = 7_000_000_000
"""Far above every id of the shop."""

_MARKS = ("cursor", "last_id", "next")
_NUMBER_IDS = frozenset(
    {"sku", "product_id", "nmID", "nmId", "nm_id", "chrtID", "chrtId", "chrt_id", "imtID", "fbo_sku", "fbs_sku"}
)
_TEXT_IDS = frozenset({"offer_id", "vendorCode", "supplierArticle", "barcode", "article"})
_TEXT_LISTS = frozenset({"barcodes", "skus"})


@dataclass(frozen=True)
class Change:
    """What to do to the rows."""

    kind: str
    percent: float
    field_name: str
    draw: int
    """Chooses rows; the same for the same request of a fault."""


def changed(answer: Answer, request: Request, change: Change) -> Answer:
    """The answer with its rows or marks changed; as it was where it is no JSON or has none."""
    body = _decoded(answer.body)
    if body is None:
        return answer
    if change.kind == "repeated-cursor":
        _repeat_mark(body, _decoded(request.body))
    elif change.kind == "queue":
        _keep_waiting(body)
    else:
        rows = rows_of(body)
        if rows is not None:
            _CHANGES[change.kind](rows, change)
            if change.kind == "empty":
                _end(body)
    return replace(answer, body=encode(body))


def rows_of(body: Any) -> list[Any] | None:
    """The longest list of objects that is in no other list."""
    return max(_lists(body), key=len, default=None)


def _lists(value: Any) -> Iterator[list[Any]]:
    if isinstance(value, list):
        if all(isinstance(item, dict) for item in value):
            yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _lists(inner)


def request_behind(request: Request, answer: Answer) -> Request | None:
    """The request for the page behind this answer; None where the answer is the last page or has no marks."""
    asked, told = _decoded(request.body), _decoded(answer.body)
    if not isinstance(asked, dict) or not rows_of(told):
        return None
    for where, name in _marks(told):
        mark = where[name]
        for inside, same in _marks(asked):
            if same == name and isinstance(inside[name], type(mark)) and mark not in ("", 0, inside[name]):
                inside[name] = {**inside[name], **mark} if isinstance(mark, dict) else mark
                return replace(request, body=encode(asked))
    return None


def _decoded(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return None


def _marks(value: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """Where page marks stand, outside of rows."""
    if isinstance(value, dict):
        yield from ((value, name) for name in _MARKS if name in value)
        for name, inner in value.items():
            if name not in _MARKS:
                yield from _marks(inner)


def _repeat_mark(body: Any, asked: Any) -> None:
    """Tell the mark of the request again, as if nothing had been read."""
    for inside, name in _marks(asked):
        for where, same in _marks(body):
            if same == name and inside[name]:
                mark = inside[name]
                where[name] = {**where[name], **mark} if isinstance(where[name], dict) else mark
                if "has_next" in where:
                    where["has_next"] = True


def _end(body: Any) -> None:
    """Marks and totals of an answer that has no rows."""
    if not isinstance(body, dict):
        return
    for name, value in body.items():
        if name == "has_next":
            body[name] = False
        elif name == "total":
            body[name] = type(value)(0)
        elif name in _MARKS and isinstance(value, str):
            body[name] = ""
        else:
            _end(value)


def _keep_waiting(body: Any) -> None:
    """A report of the marketplace that does not get ready."""
    if isinstance(body, dict):
        for name, value in body.items():
            if name == "status" and value in {"success", "done"}:
                body[name] = "processing"
            elif name == "file" and isinstance(value, str):
                body[name] = ""
            else:
                _keep_waiting(value)


def _empty(rows: list[Any], change: Change) -> None:
    del change
    rows.clear()


def _shrink(rows: list[Any], change: Change) -> None:
    del rows[int(len(rows) * change.percent / 100) :]


def _spoil_types(rows: list[Any], change: Change) -> None:
    if rows:
        at = change.draw % len(rows)
        rows[at] = _without_numbers(rows[at])


def _without_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_numbers(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_without_numbers(inner) for inner in value]
    return NO_NUMBER if isinstance(value, int | float) and not isinstance(value, bool) else value


def _rename(rows: list[Any], change: Change) -> None:
    for row in rows:
        if change.field_name in row:
            row[f"{change.field_name}_v2"] = row.pop(change.field_name)


def _drop(rows: list[Any], change: Change) -> None:
    for row in rows:
        row.pop(change.field_name, None)


def _make_foreign(rows: list[Any], change: Change) -> None:
    if rows:
        first, many = change.draw % len(rows), max(1, int(len(rows) * change.percent / 100))
        for step in range(many):
            at = (first + step) % len(rows)
            rows[at] = _foreign(rows[at])


def _foreign(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {inner: _foreign(each, inner) for inner, each in value.items()}
    if isinstance(value, list):
        if name in _TEXT_LISTS:
            return [f"X{each}" if isinstance(each, str) else each + FOREIGN_STEP for each in value]
        return [_foreign(each, name) for each in value]
    if name in _NUMBER_IDS and isinstance(value, int) and not isinstance(value, bool):
        return value + FOREIGN_STEP if value else value
    return f"X{value}" if name in _TEXT_IDS and isinstance(value, str) and value else value


_CHANGES: dict[str, Callable[[list[Any], Change], None]] = {
    "empty": _empty,
    "shrunken": _shrink,
    "types": _spoil_types,
    "renamed": _rename,
    "dropped": _drop,
    "foreign": _make_foreign,
}
