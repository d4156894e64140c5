"""Asks the simulator without a server in between, and checks what it says against the official specifications."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from micore.simulator import Simulator
from micore.simulator.http import Answer, Request

SPECS = Path(__file__).resolve().parents[2] / "fixtures" / "specs"


@dataclass
class Ozon:
    """A client of the simulated Ozon."""

    simulator: Simulator
    headers: dict[str, str] = field(default_factory=lambda: {"client-id": "1000001", "api-key": "key"})

    def raw(self, path: str, body: object = None, *, method: str = "POST", data: bytes | None = None) -> Answer:
        sent = data if data is not None else json.dumps(body).encode() if body is not None else b""
        return self.simulator.ozon.answer(Request(method, path, {}, self.headers, sent))

    def ask(self, path: str, body: object = None) -> Any:
        answer = self.raw(path, body)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def refused(self, path: str, body: object = None) -> tuple[int, str]:
        answer = self.raw(path, body)
        said = json.loads(answer.body)
        assert set(said) == {"code", "message", "details"}
        return answer.status, said["message"]

    def pages(self, path: str, body: dict[str, Any], rows: str = "postings") -> Iterator[dict[str, Any]]:
        """Rows of all pages of a method with `cursor` and `has_next`."""
        cursor = ""
        while True:
            page = self.ask(path, {**body, "cursor": cursor})
            yield from page[rows]
            if not page["has_next"]:
                return
            assert page["cursor"] not in {"", cursor}, "the cursor moves"
            cursor = page["cursor"]

    def skus(self, visibility: str = "ALL") -> list[dict[str, Any]]:
        """All items of the product list."""
        found: list[dict[str, Any]] = []
        last_id = ""
        while True:
            body = {"filter": {"visibility": visibility}, "last_id": last_id, "limit": 50}
            result = self.ask("/v3/product/list", body)["result"]
            if not result["items"]:
                assert result["last_id"] == ""
                assert result["total"] == len(found)
                return found
            found += result["items"]
            last_id = result["last_id"]


@dataclass
class Wildberries:
    """A client of the simulated Wildberries."""

    simulator: Simulator
    headers: dict[str, str] = field(default_factory=lambda: {"authorization": "Bearer key"})

    def raw(self, method: str, path: str, body: object = None, query: dict[str, str] | None = None) -> Answer:
        sent = b"" if body is None else json.dumps(body).encode()
        return self.simulator.wildberries.answer(Request(method, path, query or {}, self.headers, sent))

    def ask(self, method: str, path: str, body: object = None, query: dict[str, str] | None = None) -> Any:
        answer = self.raw(method, path, body, query)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)


class Spec:
    """An official specification: finds schemas and lists what in a value contradicts them."""

    def __init__(self, name: str, nulls: frozenset[str] = frozenset(), *, offsets: bool = False) -> None:
        """`nulls` are the fields that may be null although their schema does not say so.

        Times must end with Z; with `offsets` any offset will do.
        """
        self._document = json.loads((SPECS / name).read_text())
        self._nulls, self._offsets = nulls, offsets

    def request_faults(self, path: str, value: Any, *, method: str = "post") -> list[str]:
        operation = self._document["paths"][path][method]
        content = operation["requestBody"]["content"]["application/json"]
        return list(self._faults(content["schema"], value, "request"))

    def answer_faults(self, path: str, value: Any, *, method: str = "post", status: int = 200) -> list[str]:
        responses = self._document["paths"][path][method]["responses"]
        found = responses.get(str(status)) or responses["default"]
        schema = next(iter(found["content"].values()))["schema"]
        return list(self._faults(schema, value, "answer"))

    def _faults(self, schema: dict[str, Any], value: Any, where: str) -> Iterator[str]:
        while "$ref" in schema:
            schema = self._document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        if value is None:
            if not schema.get("nullable") and where.rsplit(".", 1)[-1] not in self._nulls:
                yield f"{where} is null"
            return
        if "enum" in schema and value not in schema["enum"]:
            yield f"{where}: {value!r} is none of {schema['enum']}"
        kind = schema.get("type") or ("object" if "properties" in schema else "array" if "items" in schema else None)
        if kind is not None and not _is_a(kind, value):
            yield f"{where}: {value!r} is no {kind}"
            return
        if kind == "object":
            yield from self._object_faults(schema, value, where)
        elif kind == "array":
            if len(value) > schema.get("maxItems", len(value)) or len(value) < schema.get("minItems", 0):
                yield f"{where}: {len(value)} items"
            for item in value:
                yield from self._faults(schema.get("items", {}), item, f"{where}[]")
        else:
            yield from _value_faults(schema, value, where)
            if schema.get("format") == "date-time" and not _is_instant(value, offsets=self._offsets):
                yield f"{where}: {value!r} is no instant"

    def _object_faults(self, schema: dict[str, Any], value: dict[str, Any], where: str) -> Iterator[str]:
        for name in schema.get("required", []):
            if name not in value:
                yield f"{where}.{name} is missing"
        properties = schema.get("properties")
        if properties is None:
            return
        for name, inner in value.items():
            if name not in properties:
                yield f"{where}.{name} is not in the specification"
            else:
                yield from self._faults(properties[name], inner, f"{where}.{name}")

    def properties(self, path: str, *steps: str) -> set[str]:
        """Names of the properties of the answer, at a place inside of it (array items are entered)."""
        schema = self._document["paths"][path]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
        for step in (*steps, None):
            while "$ref" in schema or "items" in schema:
                schema = (
                    self._document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
                    if "$ref" in schema
                    else schema["items"]
                )
            if step is not None:
                schema = schema["properties"][step]
        return set(schema["properties"])


def _value_faults(schema: dict[str, Any], value: Any, where: str) -> Iterator[str]:
    if not isinstance(value, str) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{where}: {value} is out of range"


def _is_a(kind: str, value: Any) -> bool:
    kinds: dict[str, tuple[type, ...]] = {
        "object": (dict,), "array": (list,), "string": (str,), "boolean": (bool,), "integer": (int,),
        "number": (int, float),
    }  # fmt: skip
    return isinstance(value, kinds[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _is_instant(value: str, *, offsets: bool) -> bool:
    try:
        return (offsets or value.endswith("Z")) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False
