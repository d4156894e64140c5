"""Accounts, cards, skus, barcodes and places: who is who, and what changed since the last reading."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, bindparam, insert, select, update

from micore.domain.records import CatalogueRecord, PlaceKind, PlaceRecord, SkuHint
from micore.storage.tables import account, listing, listing_price, place, sku, sku_barcode

_IDS_PER_STATEMENT = 1000
STUB_PREFIX = "sku:"
"""External id of a card that only orders or stock have told of; the catalogue replaces it when it can."""


@dataclass(slots=True)
class Identity:
    """An account's ids: the marketplace's to ours. Kept in step with what this process writes."""

    account_id: int
    skus: dict[str, int] = field(default_factory=dict)
    products: dict[str, int] = field(default_factory=dict)
    """Marketplace sku id to product key (item id, or minus our sku id)."""
    places: dict[str, int] = field(default_factory=dict)
    """Warehouses only: records name no other kind."""
    told: set[str] = field(default_factory=set)
    """Skus about whose stock the marketplace has answered."""


def ensure_account(connection: Connection, *, source: str, external_id: str, name: str, currency: str, now: int) -> int:
    """The id of an account, made or renamed as the marketplace tells it."""
    found = connection.execute(
        select(account.c.id, account.c.name, account.c.currency).where(
            account.c.source == source, account.c.external_id == external_id
        )
    ).one_or_none()
    if found is None:
        result = connection.execute(
            insert(account).values(source=source, external_id=external_id, name=name, currency=currency, created_at=now)
        )
        assert result.inserted_primary_key is not None
        return int(result.inserted_primary_key[0])
    if (found.name, found.currency) != (name, currency):
        connection.execute(update(account).where(account.c.id == found.id).values(name=name, currency=currency))
    return int(found.id)


def load_identity(connection: Connection, account_id: int) -> Identity:
    """Everything an account is known by; about 200 bytes a sku."""
    identity = Identity(account_id)
    for external_id, sku_id, item_id, told_at in connection.execute(
        select(sku.c.external_id, sku.c.id, sku.c.item_id, sku.c.stock_told_at).where(sku.c.account_id == account_id)
    ):
        _learn(identity, external_id, sku_id, item_id)
        if told_at is not None:
            identity.told.add(external_id)
    for row in connection.execute(
        select(place.c.external_id, place.c.id).where(
            place.c.account_id == account_id, place.c.kind == PlaceKind.WAREHOUSE
        )
    ):
        identity.places[row.external_id] = row.id
    return identity


def _learn(identity: Identity, external_id: str, sku_id: int, item_id: int | None) -> None:
    identity.skus[external_id] = sku_id
    identity.products[external_id] = -sku_id if item_id is None else item_id


# -------------------------------------------------------------------------------------------------- places


def merge_places(connection: Connection, identity: Identity, records: Sequence[PlaceRecord], *, now: int) -> int:
    """Write places that are new or changed; clusters first, so that warehouses find their parents. Returns how many."""
    current = {
        (row.kind, row.external_id): row
        for row in connection.execute(select(place).where(place.c.account_id == identity.account_id))
    }
    ids = {key: row.id for key, row in current.items()}
    changed = 0
    for record in sorted(set(records), key=lambda each: (each.kind != PlaceKind.CLUSTER, each)):
        key = (record.kind.value, record.place_id)
        before = current.get(key)
        parent_id = ids.get((PlaceKind.CLUSTER.value, record.parent_id)) if record.parent_id is not None else None
        values = {"name": record.name, "holder": record.holder.value, "scheme": record.scheme, "parent_id": parent_id}
        if before is None:
            result = connection.execute(
                insert(place).values(
                    account_id=identity.account_id,
                    kind=key[0],
                    external_id=record.place_id,
                    authority="observed",
                    changed_at=now,
                    **values,
                )
            )
            assert result.inserted_primary_key is not None
            ids[key] = int(result.inserted_primary_key[0])
            changed += 1
        else:
            if parent_id is None:
                values["parent_id"] = before.parent_id
            if any(getattr(before, name) != value for name, value in values.items()):
                connection.execute(update(place).where(place.c.id == before.id).values(changed_at=now, **values))
                changed += 1
        if record.kind == PlaceKind.WAREHOUSE:
            identity.places[record.place_id] = ids[key]
    return changed


def ensure_places(connection: Connection, identity: Identity, records: Iterable[PlaceRecord], *, now: int) -> None:
    """Make the places that rows name and nobody has told of; known ones stay as their own stream tells them."""
    unknown = {each.place_id: each for each in records if each.place_id not in identity.places}
    if unknown:
        merge_places(connection, identity, list(unknown.values()), now=now)


# ----------------------------------------------------------------------------------------------- catalogue


def ensure_skus(connection: Connection, identity: Identity, hints: Iterable[SkuHint], *, now: int) -> None:
    """Make a sku, with an archived card, for rows whose sku the catalogue does not hold: deleted cards have history."""
    for hint in {each.sku_id: each for each in hints if each.sku_id not in identity.skus}.values():
        card = CatalogueRecord(
            listing_id=STUB_PREFIX + hint.sku_id,
            sku_id=hint.sku_id,
            offer_id=hint.offer_id,
            name=hint.name or hint.offer_id or hint.sku_id,
            size=None,
            archived=True,
            price=None,
            currency=None,
            barcodes=(),
            created_at=None,
        )
        merge_catalogue(connection, identity, [card], as_of=now, now=now)


def merge_catalogue(
    connection: Connection, identity: Identity, records: Sequence[CatalogueRecord], *, as_of: int, now: int
) -> set[str]:
    """Write cards, skus, prices and barcodes that differ from what we hold. Returns the sku ids that changed.

    `as_of` is the reading's instant by the marketplace's clock; price changes and barcodes are dated by it.
    """
    listings = _merge_listings(connection, identity.account_id, records, as_of=as_of, now=now)
    changed = _merge_skus(connection, identity, records, listings.ids)
    changed |= _merge_barcodes(connection, identity, records, as_of=as_of)
    return changed | {each.sku_id for each in records if each.listing_id in listings.changed}


@dataclass(frozen=True, slots=True)
class _Listings:
    ids: dict[str, int]
    changed: set[str]


def _merge_listings(
    connection: Connection, account_id: int, records: Sequence[CatalogueRecord], *, as_of: int, now: int
) -> _Listings:
    wanted = {each.listing_id: each for each in records}
    current = {
        row.external_id: row
        for row in connection.execute(
            select(listing).where(listing.c.account_id == account_id, listing.c.external_id.in_(list(wanted)))
        )
    }
    ids = {external_id: row.id for external_id, row in current.items()}
    changed: set[str] = set()
    prices = []
    for external_id, record in wanted.items():
        before = current.get(external_id)
        values = {
            "offer_id": record.offer_id,
            "name": record.name,
            "archived": record.archived,
            "price": record.price,
            "currency": record.currency,
        }
        if before is None:
            result = connection.execute(
                insert(listing).values(
                    account_id=account_id,
                    external_id=external_id,
                    created_at=record.created_at,
                    changed_at=now,
                    **values,
                )
            )
            assert result.inserted_primary_key is not None
            ids[external_id] = int(result.inserted_primary_key[0])
        elif all(getattr(before, name) == value for name, value in values.items()):
            continue
        else:
            connection.execute(update(listing).where(listing.c.id == before.id).values(changed_at=now, **values))
        changed.add(external_id)
        told_before = before is not None and (before.price, before.currency) == (record.price, record.currency)
        if not told_before and not (before is None and record.price is None):
            prices.append(
                {
                    "listing_id": ids[external_id],
                    "valid_from": as_of,
                    "price": record.price,
                    "currency": record.currency,
                }
            )
    if prices:
        # Two changes within one reading's instant: the later one is what the reading showed.
        connection.execute(
            listing_price.delete().where(
                listing_price.c.valid_from == as_of,
                listing_price.c.listing_id.in_([each["listing_id"] for each in prices]),
            )
        )
        connection.execute(insert(listing_price), prices)
    return _Listings(ids, changed)


def _merge_skus(
    connection: Connection, identity: Identity, records: Sequence[CatalogueRecord], listings: dict[str, int]
) -> set[str]:
    wanted = {each.sku_id: each for each in records}
    current = {
        row.external_id: row
        for row in connection.execute(
            select(sku).where(sku.c.account_id == identity.account_id, sku.c.external_id.in_(list(wanted)))
        )
    }
    changed: set[str] = set()
    abandoned: list[int] = []
    for external_id, record in wanted.items():
        before = current.get(external_id)
        listing_id = listings[record.listing_id]
        if before is None:
            result = connection.execute(
                insert(sku).values(
                    account_id=identity.account_id, listing_id=listing_id, external_id=external_id, size=record.size
                )
            )
            assert result.inserted_primary_key is not None
            _learn(identity, external_id, int(result.inserted_primary_key[0]), None)
        elif (before.listing_id, before.size, before.retired_at) != (listing_id, record.size, None):
            connection.execute(
                update(sku)
                .where(sku.c.id == before.id)
                .values(listing_id=listing_id, size=record.size, retired_at=None)
            )
        else:
            continue
        changed.add(external_id)
        if before is not None and before.listing_id != listing_id:
            abandoned.append(before.listing_id)
    if abandoned:
        # The catalogue has told of the sku at last: the stand-in for its card goes.
        connection.execute(
            listing.delete().where(listing.c.id.in_(abandoned), listing.c.external_id.like(STUB_PREFIX + "%"))
        )
    return changed


def _merge_barcodes(
    connection: Connection, identity: Identity, records: Sequence[CatalogueRecord], *, as_of: int
) -> set[str]:
    wanted = {
        (identity.skus[each.sku_id], barcode): each.sku_id
        for each in records
        for barcode in dict.fromkeys(each.barcodes)
    }
    owners = {identity.skus[each.sku_id]: each.sku_id for each in records}
    current = {
        (row.sku_id, row.barcode)
        for row in connection.execute(
            select(sku_barcode.c.sku_id, sku_barcode.c.barcode).where(
                sku_barcode.c.sku_id.in_(list(owners)), sku_barcode.c.seen_until.is_(None)
            )
        )
    }
    added, gone = wanted.keys() - current, current - wanted.keys()
    if gone:
        connection.execute(
            update(sku_barcode)
            .where(
                sku_barcode.c.sku_id == bindparam("of_sku"),
                sku_barcode.c.barcode == bindparam("of_barcode"),
                sku_barcode.c.seen_until.is_(None),
            )
            .values(seen_until=as_of),
            [{"of_sku": sku_id, "of_barcode": barcode} for sku_id, barcode in gone],
        )
    if added:
        # A barcode may go and come back within one instant; the closed row then opens again.
        reopened = [{"of_sku": sku_id, "of_barcode": barcode, "at": as_of} for sku_id, barcode in added]
        connection.execute(
            sku_barcode.delete().where(
                sku_barcode.c.sku_id == bindparam("of_sku"),
                sku_barcode.c.barcode == bindparam("of_barcode"),
                sku_barcode.c.seen_from == bindparam("at"),
            ),
            reopened,
        )
        connection.execute(
            insert(sku_barcode),
            [{"sku_id": sku_id, "barcode": barcode, "seen_from": as_of} for sku_id, barcode in sorted(added)],
        )
    return {owners[sku_id] for sku_id, _ in added | gone}


def mark_told(connection: Connection, identity: Identity, sku_ids: Iterable[str], *, as_of: int) -> list[str]:
    """Note that the marketplace has answered for these skus: no row then means nothing there. Returns the new ones."""
    new = sorted(each for each in set(sku_ids) - identity.told if each in identity.skus)
    for start in range(0, len(new), _IDS_PER_STATEMENT):
        ids = [identity.skus[each] for each in new[start : start + _IDS_PER_STATEMENT]]
        connection.execute(update(sku).where(sku.c.id.in_(ids)).values(stock_told_at=as_of))
    identity.told.update(new)
    return new


def retire_missing(connection: Connection, identity: Identity, seen: set[str], *, now: int) -> set[str]:
    """Date the retirement of skus that a whole catalogue reading lacks; they keep their history.

    A card whose last sku goes is archived. Returns the ids of all skus whose product may look different now.
    """
    rows = connection.execute(
        select(sku.c.id, sku.c.external_id, sku.c.listing_id)
        .join(listing, listing.c.id == sku.c.listing_id)
        .where(
            sku.c.account_id == identity.account_id,
            sku.c.retired_at.is_(None),
            listing.c.external_id.not_like(STUB_PREFIX + "%"),
        )
    ).all()
    gone = [row for row in rows if row.external_id not in seen]
    alive = {row.listing_id for row in rows if row.external_id in seen}
    for row in gone:
        connection.execute(update(sku).where(sku.c.id == row.id).values(retired_at=now))
        if row.listing_id not in alive:
            connection.execute(
                update(listing).where(listing.c.id == row.listing_id).values(archived=True, changed_at=now)
            )
    return {row.external_id for row in gone}
