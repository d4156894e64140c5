"""Accounts, cards, skus, barcodes and places: who is who, and what changed since the last reading."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, insert, select, text, update

from micore.domain.records import CatalogueRecord, PlaceKind, PlaceRecord, SkuHint
from micore.storage.bulk import Columns, bulk_for
from micore.storage.tables import account, listing, place, sku

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
    unknown = {each.sku_id: each for each in hints if each.sku_id not in identity.skus}
    if unknown:
        merge_catalogue(connection, identity, [_stub(each) for each in unknown.values()], as_of=now, now=now)


def _stub(hint: SkuHint) -> CatalogueRecord:
    return CatalogueRecord(
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


def merge_catalogue(
    connection: Connection, identity: Identity, records: Sequence[CatalogueRecord], *, as_of: int, now: int
) -> set[str]:
    """Write cards, skus, prices and barcodes that differ from what we hold. Returns the sku ids that changed.

    Of records with the same card or sku the last one counts; barcodes of the same sku come together. `as_of` is the
    reading's instant by the marketplace's clock; price changes and barcodes are dated by it.
    """
    if not records:
        return set()
    cards = _merge_listings(connection, identity.account_id, records, as_of=as_of, now=now)
    changed = _merge_skus(connection, identity, records)
    changed |= _merge_barcodes(connection, identity, records, as_of=as_of)
    return changed | {each.sku_id for each in records if each.listing_id in cards}


_TOLD = ("offer_id", "name", "archived")
"""What a reading may change of a card, beside its price."""
_STAGE_CARD: Columns = {
    "external_id": "text",
    "offer_id": "text",
    "name": "text",
    "archived": "bool",
    "price": "int",
    "currency": "text",
    "created_at": "int",
}
# What is held is looked up by counting subqueries, which always go by the key: for a join PostgreSQL reads the whole
# table with each page.
_LISTING = "FROM listing l WHERE l.account_id = :account AND l.external_id = s.external_id"
_SAME = " AND ".join(f"l.{name} IS NOT DISTINCT FROM s.{name}" for name in _TOLD)
# A reading without a currency does not tell prices: where they have a stream of their own, they stay as that told them.
_PRICED = "(s.currency IS NULL OR (l.price IS NOT DISTINCT FROM s.price AND l.currency = s.currency))"
_NEW_CARDS = f"""
FROM stage_card s
WHERE (SELECT count(*) {_LISTING} AND {_SAME} AND {_PRICED}) = 0
"""
_OLD_PRICES = f"""
SELECT s.external_id, (SELECT l.id {_LISTING}), (SELECT l.price {_LISTING}), (SELECT l.currency {_LISTING})
{_NEW_CARDS}
"""
_PUT_CARDS = f"""
INSERT INTO listing (account_id, external_id, {", ".join(_TOLD)}, price, currency, created_at, changed_at)
SELECT :account, s.external_id, {", ".join(f"s.{name}" for name in _TOLD)}, s.price, s.currency, s.created_at, :now
{_NEW_CARDS}
ON CONFLICT (account_id, external_id) DO UPDATE SET
  {", ".join(f"{name} = excluded.{name}" for name in _TOLD)}, changed_at = excluded.changed_at,
  price = CASE WHEN excluded.currency IS NULL THEN listing.price ELSE excluded.price END,
  currency = coalesce(excluded.currency, listing.currency)
RETURNING external_id, id
"""
_PRICE: Columns = {"listing_id": "int", "valid_from": "int", "price": "int", "currency": "text"}


def cards_before(connection: Connection, account_id: int, instant: int) -> int:
    """How many cards the catalogue holds that were made before an instant and are still told."""
    query = (
        select(func.count(listing.c.id.distinct()))
        .join(sku, sku.c.listing_id == listing.c.id)
        .where(listing.c.account_id == account_id, listing.c.created_at < instant, sku.c.retired_at.is_(None))
    )
    return int(connection.execute(query).scalar_one())


def _merge_listings(
    connection: Connection, account_id: int, records: Sequence[CatalogueRecord], *, as_of: int, now: int
) -> set[str]:
    """Returns the marketplace's ids of the cards that changed."""
    wanted = {each.listing_id: each for each in records}
    bulk = bulk_for(connection)
    bulk.stage(
        connection,
        "stage_card",
        _STAGE_CARD,
        [
            (card, each.offer_id, each.name, each.archived, each.price, each.currency, each.created_at)
            for card, each in wanted.items()
        ],
    )
    told_before = {
        card: None if listing_id is None else (price, currency)
        for card, listing_id, price, currency in connection.execute(text(_OLD_PRICES), {"account": account_id})
    }
    if not told_before:
        return set()
    prices = []
    for card, listing_id in connection.execute(text(_PUT_CARDS), {"account": account_id, "now": now}):
        before, (price, currency) = told_before[card], (wanted[card].price, wanted[card].currency)
        told = currency is not None and not (before is None and price is None)
        if told and before != (price, currency):
            prices.append((listing_id, as_of, price, currency))
    # Two changes within one reading's instant: the later one is what the reading showed.
    bulk.put(connection, "listing_price", _PRICE, ("listing_id", "valid_from"), sorted(prices))
    return set(told_before)


_STAGE_SKU: Columns = {"external_id": "text", "card": "text", "size": "text"}
_PUT_SKUS = """
INSERT INTO sku (account_id, listing_id, external_id, size)
SELECT :account, (SELECT l.id FROM listing l WHERE l.account_id = :account AND l.external_id = s.card),
       s.external_id, s.size
FROM stage_card_sku s
WHERE (SELECT count(*) FROM sku k JOIN listing l ON l.id = k.listing_id
       WHERE k.account_id = :account AND k.external_id = s.external_id AND l.external_id = s.card
         AND k.size IS NOT DISTINCT FROM s.size AND k.retired_at IS NULL) = 0
ON CONFLICT (account_id, external_id) DO UPDATE SET
  listing_id = excluded.listing_id, size = excluded.size, retired_at = NULL
RETURNING external_id, id, item_id
"""
# Once the catalogue has told of a sku, the stand-in for its card goes.
_DROP_STUBS = f"""
DELETE FROM listing
WHERE account_id = :account AND external_id IN (SELECT '{STUB_PREFIX}' || external_id FROM stage_card_sku)
  AND NOT EXISTS (SELECT 1 FROM sku WHERE sku.listing_id = listing.id)
"""


def _merge_skus(connection: Connection, identity: Identity, records: Sequence[CatalogueRecord]) -> set[str]:
    wanted = {each.sku_id: each for each in records}
    bulk_for(connection).stage(
        connection, "stage_card_sku", _STAGE_SKU, [(key, each.listing_id, each.size) for key, each in wanted.items()]
    )
    account_id = {"account": identity.account_id}
    changed = connection.execute(text(_PUT_SKUS), account_id).all()
    if any(external_id in identity.skus for external_id, _, _ in changed):
        connection.execute(text(_DROP_STUBS), account_id)
    for external_id, sku_id, item_id in changed:
        _learn(identity, external_id, sku_id, item_id)
    return {external_id for external_id, _, _ in changed}


_STAGE_BARCODE: Columns = {"sku_id": "int", "barcode": "text", "barcodes": "int"}
# As many open as were told, and this one among them. It tells in one look that nothing has changed, as mostly.
_BARCODES_DIFFER = """
SELECT s.sku_id FROM stage_card_barcode s
WHERE (s.barcodes, CASE WHEN s.barcode IS NULL THEN 0 ELSE 1 END) <>
      (SELECT count(*), count(CASE WHEN b.barcode = s.barcode THEN 1 END)
       FROM sku_barcode b WHERE b.sku_id = s.sku_id AND b.seen_until IS NULL)
LIMIT 1
"""
# A barcode may go and come back within one instant; the closed row then opens again.
_OPEN_BARCODES = """
INSERT INTO sku_barcode (sku_id, barcode, seen_from)
SELECT s.sku_id, s.barcode, :as_of
FROM stage_card_barcode s
WHERE s.barcode IS NOT NULL
  AND (SELECT count(*) FROM sku_barcode b
       WHERE b.sku_id = s.sku_id AND b.barcode = s.barcode AND b.seen_until IS NULL) = 0
ON CONFLICT (sku_id, barcode, seen_from) DO UPDATE SET seen_until = NULL
RETURNING sku_id
"""
_CLOSE_BARCODES = """
UPDATE sku_barcode SET seen_until = :as_of
WHERE seen_until IS NULL AND sku_id IN (SELECT sku_id FROM stage_card_barcode)
  AND (sku_id, barcode) NOT IN (SELECT sku_id, barcode FROM stage_card_barcode WHERE barcode IS NOT NULL)
RETURNING sku_id
"""


def _merge_barcodes(
    connection: Connection, identity: Identity, records: Sequence[CatalogueRecord], *, as_of: int
) -> set[str]:
    wanted: dict[int, set[str]] = {}
    for each in records:
        wanted.setdefault(identity.skus[each.sku_id], set()).update(each.barcodes)
    # A sku without barcodes is staged too: those it had are to be closed.
    bulk_for(connection).stage(
        connection,
        "stage_card_barcode",
        _STAGE_BARCODE,
        [(sku_id, barcode, len(told)) for sku_id, told in wanted.items() for barcode in told or (None,)],
    )
    if connection.execute(text(_BARCODES_DIFFER)).first() is None:
        return set()
    changed = set(connection.execute(text(_OPEN_BARCODES), {"as_of": as_of}).scalars())
    # Those that came are open now: what still differs has some to close.
    if connection.execute(text(_BARCODES_DIFFER)).first() is not None:
        changed.update(connection.execute(text(_CLOSE_BARCODES), {"as_of": as_of}).scalars())
    return {each.sku_id for each in records if identity.skus[each.sku_id] in changed}


def mark_told(connection: Connection, identity: Identity, sku_ids: Iterable[str], *, as_of: int) -> list[str]:
    """Note that the marketplace has answered for these skus: no row then means nothing there. Returns the new ones."""
    new = sorted(each for each in set(sku_ids) - identity.told if each in identity.skus)
    if new:
        bulk_for(connection).stage(
            connection, "stage_told_sku", {"sku_id": "int"}, [(identity.skus[each],) for each in new]
        )
        connection.execute(
            text("UPDATE sku SET stock_told_at = :as_of WHERE id IN (SELECT sku_id FROM stage_told_sku)"),
            {"as_of": as_of},
        )
    identity.told.update(new)
    return new


def retire_missing(connection: Connection, identity: Identity, seen: set[str], *, now: int) -> set[str]:
    """Date the retirement of skus that a whole catalogue reading lacks; they keep their history.

    A card whose last sku goes is archived. Returns the ids of all skus whose product may look different now.
    """
    gone: list[tuple[str, int, int]] = []
    alive: set[int] = set()
    for external_id, sku_id, listing_id in connection.execute(
        select(sku.c.external_id, sku.c.id, sku.c.listing_id)
        .join(listing, listing.c.id == sku.c.listing_id)
        .where(
            sku.c.account_id == identity.account_id,
            sku.c.retired_at.is_(None),
            listing.c.external_id.not_like(STUB_PREFIX + "%"),
        )
    ):
        if external_id in seen:
            alive.add(listing_id)
        else:
            gone.append((external_id, sku_id, listing_id))
    if gone:
        bulk_for(connection).stage(
            connection,
            "stage_gone_sku",
            {"sku_id": "int", "empty_listing_id": "int"},
            [(sku_id, None if listing_id in alive else listing_id) for _, sku_id, listing_id in gone],
        )
        connection.execute(
            text("UPDATE sku SET retired_at = :now WHERE id IN (SELECT sku_id FROM stage_gone_sku)"), {"now": now}
        )
        connection.execute(
            text(
                "UPDATE listing SET archived = true, changed_at = :now "
                "WHERE id IN (SELECT empty_listing_id FROM stage_gone_sku)"
            ),
            {"now": now},
        )
    return {external_id for external_id, _, _ in gone}
