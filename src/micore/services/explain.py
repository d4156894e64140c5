"""Where a figure comes from: its addends by place, each down to the stored marketplace response."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from micore.domain.instants import optional_instant
from micore.domain.units import shown_quantity
from micore.domain.views import Why, WhyPart
from micore.errors import NotFoundError, StorageError
from micore.services.dashboard import product_id
from micore.services.products import product_key
from micore.storage import places as places_store
from micore.storage import products as store
from micore.storage.database import Database
from micore.storage.raw import RawStore, find_page

LONGEST_EXCERPT = 4000
"""Letters of a record that are shown; the whole response is one click away."""


class Explanations:
    """Reads the origin of figures. `raw_folder` holds the segments of stored responses."""

    def __init__(self, database: Database, raw_folder: Path) -> None:
        self._database = database
        # Reading opens the named segment and nothing else, so one reader serves all threads.
        self._responses = RawStore(raw_folder)

    def why(self, public_id: str) -> Why:
        """The addends of a product's available figure. Raises NotFoundError."""
        key = product_key(public_id)
        with self._database.read() as connection:
            summary = store.summary(connection, key)
            if summary is None:
                raise NotFoundError("product", public_id)
            rows = places_store.stock_of(connection, key)
        bodies: dict[str, bytes | None] = {}
        for row in rows:
            if row.sha256 is not None and row.sha256 not in bodies:
                bodies[row.sha256] = self._body(row.sha256)
        return Why(
            id=product_id(key),
            value=shown_quantity(summary.available),
            known_at=optional_instant(max((row.known_from for row in rows), default=None)),
            parts=[_part(row, bodies) for row in rows],
        )

    def raw(self, sha256: str) -> bytes:
        """A stored marketplace response, byte for byte. Raises NotFoundError when it is unknown or has aged out."""
        with self._database.read() as connection:
            location, _endpoint, _received_at = find_page(connection, sha256)
        return self._responses.read(location)

    def _body(self, sha256: str) -> bytes | None:
        try:
            return self.raw(sha256)
        except (NotFoundError, StorageError):
            # The figure stands without its origin; only the part loses its link.
            return None


def _part(row: places_store.PlaceStockRow, bodies: Mapping[str, bytes | None]) -> WhyPart:
    body = bodies.get(row.sha256) if row.sha256 is not None else None
    return WhyPart(
        label=row.place,
        scheme=row.scheme,
        value=shown_quantity(row.available),
        read_at=optional_instant(row.received_at),
        endpoint=row.endpoint,
        response=row.sha256 if body is not None else None,
        excerpt=None if body is None else excerpt(body, row.sku_external_id, (row.place_external_id, row.place)),
    )


def excerpt(body: bytes, sku_id: str, place_names: tuple[str, ...]) -> str | None:
    """The smallest object of a response that names the sku, and the place if any does; as it was written.

    None when no object does: a sku that a whole reading lacks has zero stock because nothing names it.
    """
    try:
        found = list(_objects_naming(body, sku_id))
    except (msgspec.MsgspecError, RecursionError):
        return None
    if not found:
        return None
    best = next((raw for raw, values in found if values & set(place_names)), found[0][0])
    text = best.decode("utf-8", "replace")
    return text if len(text) <= LONGEST_EXCERPT else text[:LONGEST_EXCERPT] + " …"


def _objects_naming(raw: bytes, sku_id: str) -> Iterator[tuple[bytes, set[str]]]:
    """Objects with a member whose value is the sku id, innermost first, each with its plain values as text.

    Members stay unparsed until their turn, so that what is found keeps the marketplace's own spelling.
    """
    if sku_id.encode() not in raw:
        return
    start = raw.lstrip()[:1]
    if start == b"[":
        for element in msgspec.json.decode(raw, type=list[msgspec.Raw]):
            yield from _objects_naming(bytes(element), sku_id)
    elif start == b"{":
        members = {name: bytes(value) for name, value in msgspec.json.decode(raw, type=dict[str, msgspec.Raw]).items()}
        for value in members.values():
            yield from _objects_naming(value, sku_id)
        values = {_plain(value) for value in members.values() if value[:1] not in (b"[", b"{")}
        if sku_id in values:
            yield raw, values


def _plain(value: bytes) -> str:
    decoded: Any = msgspec.json.decode(value)
    return str(decoded)
