"""Cards, skus, prices and barcodes, page by page: the tables hold what a reading told, whatever was held before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text

from micore.domain.records import CatalogueRecord, SkuHint
from micore.storage import identity
from micore.storage.database import Connection, Database
from tests.support.fake_source import card

CONTENT = {
    "cards": "SELECT external_id, offer_id, name, archived, price, currency, created_at, changed_at FROM listing",
    "skus": "SELECT k.external_id, l.external_id, k.size, k.retired_at, k.stock_told_at "
    "FROM sku k JOIN listing l ON l.id = k.listing_id",
    "prices": "SELECT l.external_id, p.valid_from, p.price, p.currency "
    "FROM listing_price p JOIN listing l ON l.id = p.listing_id",
    "barcodes": "SELECT k.external_id, b.barcode, b.seen_from, b.seen_until "
    "FROM sku_barcode b JOIN sku k ON k.id = b.sku_id",
}

T = TypeVar("T")


class Catalogue:
    """One account's catalogue in a database, read at instants 1, 2, 3 ... or at a given one."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.instant = 0
        with database.write() as connection:
            for table in ("sku_barcode", "listing_price", "sku", "listing", "account"):
                connection.execute(text(f"DELETE FROM {table}"))
            account_id = identity.ensure_account(
                connection, source="fake", external_id="7", name="Дом", currency="RUB", now=0
            )
            self.known = identity.load_identity(connection, account_id)

    def read(self, *records: CatalogueRecord, at: int | None = None) -> set[str]:
        """Merge one page; returns what changed."""
        self.instant = self.instant + 1 if at is None else at
        return self._write(
            lambda connection: identity.merge_catalogue(
                connection, self.known, records, as_of=self.instant, now=self.instant * 10
            )
        )

    def hint(self, *skus: str) -> None:
        """Rows of stock or orders name these skus."""
        hints = [SkuHint(each, f"OFFER-{each}", "") for each in skus]
        self._write(lambda connection: identity.ensure_skus(connection, self.known, hints, now=1))

    def retire_all_but(self, *seen: str) -> set[str]:
        """A whole reading had these skus."""
        return self._write(lambda connection: identity.retire_missing(connection, self.known, set(seen), now=99))

    def answered_for(self, *skus: str) -> list[str]:
        """A whole reading of stock has answered for these skus."""
        return self._write(lambda connection: identity.mark_told(connection, self.known, skus, as_of=50))

    def content(self, what: str) -> list[tuple[Any, ...]]:
        with self.database.read() as connection:
            return sorted((tuple(row) for row in connection.execute(text(CONTENT[what]))), key=repr)

    def _write(self, work: Callable[[Connection], T]) -> T:
        with self.database.write() as connection:
            done = work(connection)
        with self.database.read() as connection:
            held = identity.load_identity(connection, self.known.account_id)
        assert (self.known.skus, self.known.products, self.known.told) == (held.skus, held.products, held.told)
        return done


@pytest.fixture
def database(migrated_url: str) -> Iterator[Database]:
    opened = Database(migrated_url)
    yield opened
    opened.close()


@pytest.fixture
def catalogue(database: Database) -> Catalogue:
    return Catalogue(database)


class TestOnePage:
    def test_new_changed_and_equal_cards_together(self, catalogue: Catalogue) -> None:
        catalogue.read(card("1"), card("2"), card("3"))
        assert catalogue.read(card("1"), card("2", "Renamed"), card("3", price=8), card("4")) == {"2", "3", "4"}
        assert {row[0]: (row[2], row[4], row[7]) for row in catalogue.content("cards")} == {
            "card-1": ("Товар 1", 7_000_000, 10),
            "card-2": ("Renamed", 7_000_000, 20),
            "card-3": ("Товар 3", 8, 20),
            "card-4": ("Товар 4", 7_000_000, 20),
        }
        assert catalogue.content("prices") == [
            ("card-1", 1, 7_000_000, "RUB"),
            ("card-2", 1, 7_000_000, "RUB"),
            ("card-3", 1, 7_000_000, "RUB"),
            ("card-3", 2, 8, "RUB"),
            ("card-4", 2, 7_000_000, "RUB"),
        ]

    def test_no_cards_at_all(self, catalogue: Catalogue) -> None:
        assert catalogue.read() == set()
        assert catalogue.content("cards") == []

    def test_one_card_with_several_sizes(self, catalogue: Catalogue) -> None:
        small, large = (card(sku)._replace(listing_id="shirt", size=size) for sku, size in (("1", "S"), ("2", "L")))
        catalogue.read(small, large)
        assert [row[:3] for row in catalogue.content("skus")] == [("1", "shirt", "S"), ("2", "shirt", "L")]
        # What the last record tells of the card counts, for all of its skus.
        assert catalogue.read(small, large._replace(name="Renamed")) == {"1", "2"}
        assert [row[2] for row in catalogue.content("cards")] == ["Renamed"]

    def test_the_last_of_two_records_of_a_sku_counts(self, catalogue: Catalogue) -> None:
        catalogue.read(card("1", "Early", barcodes=("46",)), card("2"), card("1", "Late", price=9, barcodes=("47",)))
        assert [(row[2], row[4]) for row in catalogue.content("cards")] == [("Late", 9), ("Товар 2", 7_000_000)]
        assert catalogue.content("prices")[0] == ("card-1", 1, 9, "RUB")
        assert catalogue.content("barcodes") == [("1", "46", 1, None), ("1", "47", 1, None)]

    def test_two_records_of_a_sku_on_two_cards(self, catalogue: Catalogue) -> None:
        catalogue.read(card("1"), card("1")._replace(listing_id="other"))
        assert [row[0] for row in catalogue.content("cards")] == ["card-1", "other"]
        assert [row[:2] for row in catalogue.content("skus")] == [("1", "other")]


class TestPrices:
    def test_a_card_without_a_price_has_no_dated_one(self, catalogue: Catalogue) -> None:
        catalogue.read(card("1", price=None))
        assert catalogue.content("prices") == []

    def test_a_price_that_goes_is_dated(self, catalogue: Catalogue) -> None:
        catalogue.read(card("1"))
        catalogue.read(card("1", price=None)._replace(currency="RUB"))
        assert catalogue.content("prices")[1:] == [("card-1", 2, None, "RUB")]

    def test_a_reading_that_tells_no_prices_takes_none_away(self, catalogue: Catalogue) -> None:
        catalogue.read(card("1"))
        assert catalogue.read(card("1", price=None)) == set()
        assert catalogue.read(card("1", "Новое", price=None)) == {"1"}
        assert catalogue.content("prices") == [("card-1", 1, 7_000_000, "RUB")]

    def test_of_two_prices_at_one_instant_the_later_counts(self, catalogue: Catalogue) -> None:
        catalogue.read(card("1"), at=5)
        catalogue.read(card("1", price=8), card("2"), at=5)
        assert catalogue.content("prices") == [("card-1", 5, 8, "RUB"), ("card-2", 5, 7_000_000, "RUB")]


class TestSkus:
    def test_a_sku_moves_to_another_card(self, catalogue: Catalogue) -> None:
        catalogue.read(card("1"), card("2"))
        before = dict(catalogue.known.skus)
        assert catalogue.read(card("1")._replace(listing_id="card-2", offer_id="ART-2", name="Товар 2")) == {"1"}
        assert [row[:2] for row in catalogue.content("skus")] == [("1", "card-2"), ("2", "card-2")]
        assert catalogue.known.skus == before
        # Only a stand-in goes; a card of the catalogue may have other skus again.
        assert [row[0] for row in catalogue.content("cards")] == ["card-1", "card-2"]

    def test_a_stand_in_gives_way_to_its_card(self, catalogue: Catalogue) -> None:
        catalogue.hint("1", "2", "1")
        assert [row[:4] for row in catalogue.content("cards")] == [
            (f"sku:{sku}", f"OFFER-{sku}", f"OFFER-{sku}", True) for sku in ("1", "2")
        ]
        before = dict(catalogue.known.skus)
        assert catalogue.read(card("1"), card("3")) == {"1", "3"}
        assert [row[0] for row in catalogue.content("cards")] == ["card-1", "card-3", "sku:2"]
        assert catalogue.known.skus["1"] == before["1"]

    def test_hints_leave_known_skus_alone(self, catalogue: Catalogue) -> None:
        catalogue.read(card("1"))
        catalogue.hint("1")
        assert [row[0] for row in catalogue.content("cards")] == ["card-1"]

    def test_what_a_whole_reading_lacks_retires_and_comes_back(self, catalogue: Catalogue) -> None:
        pair = [card(sku)._replace(listing_id="pair", name="Pair", offer_id="P") for sku in ("1", "2")]
        catalogue.hint("stub")
        catalogue.read(*pair, card("3"))
        assert catalogue.retire_all_but("1") == {"2", "3"}
        assert {row[0]: row[3] for row in catalogue.content("skus")} == {"1": None, "2": 99, "3": 99, "stub": None}
        assert {row[0]: (bool(row[3]), row[7]) for row in catalogue.content("cards")} == {
            "pair": (False, 10),
            "card-3": (True, 99),
            "sku:stub": (True, 1),
        }
        assert catalogue.retire_all_but("1") == set()
        assert catalogue.read(*pair, card("3")) == {"2", "3"}
        assert {row[3] for row in catalogue.content("skus")} == {None}
        assert not any(row[3] for row in catalogue.content("cards") if row[0] == "card-3")

    def test_only_known_skus_are_answered_for_and_once(self, catalogue: Catalogue) -> None:
        catalogue.read(card("1"), card("2"), card("3"))
        assert catalogue.answered_for("2", "1", "nobody") == ["1", "2"]
        assert catalogue.answered_for("2", "3") == ["3"]
        assert {row[4] for row in catalogue.content("skus")} == {50}

    def test_two_accounts_may_use_the_same_ids(self, catalogue: Catalogue, database: Database) -> None:
        catalogue.read(card("1", barcodes=("46",)))
        with database.write() as connection:
            account_id = identity.ensure_account(
                connection, source="fake", external_id="8", name="Сад", currency="RUB", now=0
            )
            other = identity.load_identity(connection, account_id)
            for name in ("First", "Second"):
                assert identity.merge_catalogue(connection, other, [card("1", name)], as_of=3, now=3) == {"1"}
        assert [row[2] for row in catalogue.content("cards")] == ["Second", "Товар 1"]
        assert catalogue.read(card("1", barcodes=("46",))) == set()


class TestBarcodes:
    def test_barcodes_open_close_and_open_again(self, catalogue: Catalogue) -> None:
        catalogue.read(card("1", barcodes=("46", "47")), card("2", barcodes=("46",)))
        assert catalogue.read(card("1", barcodes=("47", "48")), card("2", barcodes=("46",))) == {"1"}
        assert catalogue.read(card("1"), card("2", barcodes=("46",))) == {"1"}
        assert catalogue.read(card("1", barcodes=("46",))) == {"1"}
        assert catalogue.content("barcodes") == [
            ("1", "46", 1, 2),
            ("1", "46", 4, None),
            ("1", "47", 1, 3),
            ("1", "48", 2, 3),
            ("2", "46", 1, None),
        ]

    def test_a_barcode_that_goes_and_comes_within_one_instant(self, catalogue: Catalogue) -> None:
        for barcodes in (("46",), (), ("46",)):
            catalogue.read(card("1", barcodes=barcodes), at=7)
        assert catalogue.content("barcodes") == [("1", "46", 7, None)]


def test_the_number_of_statements_is_that_of_one_card(database: Database) -> None:
    """Each one is a round trip to a server."""
    counts: list[int] = []
    for cards in (1, 300):
        catalogue = Catalogue(database)
        statements: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any, into: list[str] = statements) -> None:
            into.append(statement)

        engine = database._writers
        event.listen(engine, "before_cursor_execute", note)
        skus = [str(number) for number in range(cards)]
        catalogue.hint(*skus)
        for price in (1, 2):
            catalogue.read(*(card(sku, price=price, barcodes=(f"46{sku}{price}",)) for sku in skus))
        catalogue.answered_for(*skus)
        catalogue.retire_all_but()
        event.remove(engine, "before_cursor_execute", note)
        counts.append(len(statements))
    assert counts[0] == counts[1]


# ---------------------------------------------------------------------------------------------------- model


@dataclass
class Model:
    """What the tables must hold, kept record by record in dictionaries."""

    cards: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    skus: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    prices: dict[tuple[str, int], tuple[int | None, str | None]] = field(default_factory=dict)
    barcodes: dict[tuple[str, str, int], int | None] = field(default_factory=dict)

    def read(self, page: Sequence[CatalogueRecord], at: int) -> set[str]:
        changed = self._read_cards({each.listing_id: each for each in page}, at)
        changed_skus = {each.sku_id for each in page if each.listing_id in changed}
        for sku, record in {each.sku_id: each for each in page}.items():
            if self.skus.get(sku) != (record.listing_id, record.size):
                self.skus[sku] = (record.listing_id, record.size)
                changed_skus.add(sku)
        return changed_skus | self._read_barcodes(page, at)

    def _read_cards(self, wanted: dict[str, CatalogueRecord], at: int) -> set[str]:
        changed = set()
        for key, record in wanted.items():
            before = self.cards.get(key)
            price: tuple[Any, ...] = (record.price, record.currency)
            if record.currency is None and before is not None:
                price = before[3:]  # this reading tells no prices
            told = (record.offer_id, record.name, record.archived, *price)
            if before == told:
                continue
            self.cards[key] = told
            changed.add(key)
            dated = record.price is not None if before is None else before[3:] != price
            if dated:
                self.prices[key, at] = price
        return changed

    def _read_barcodes(self, page: Sequence[CatalogueRecord], at: int) -> set[str]:
        changed = set()
        told = {(each.sku_id, barcode) for each in page for barcode in each.barcodes}
        held = {key[:2]: key for key, until in self.barcodes.items() if until is None}
        for sku, barcode in told - held.keys():
            self.barcodes[sku, barcode, at] = None
            changed.add(sku)
        for pair in held.keys() - told:
            if pair[0] in {each.sku_id for each in page}:
                self.barcodes[held[pair]] = at
                changed.add(pair[0])
        return changed


records = st.builds(
    CatalogueRecord,
    listing_id=st.sampled_from(["a", "b", "c"]),
    sku_id=st.sampled_from(["1", "2", "3", "4"]),
    offer_id=st.sampled_from(["X", "Y"]),
    name=st.sampled_from(["Ёлка", "it's"]),
    size=st.sampled_from([None, "S"]),
    archived=st.booleans(),
    price=st.sampled_from([None, 0, 2**62]),
    currency=st.sampled_from([None, "RUB"]),
    barcodes=st.lists(st.sampled_from(["46", "47", "48"]), max_size=3).map(tuple),
    created_at=st.none(),
).map(lambda record: record if record.price is None else record._replace(currency="RUB"))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pages=st.lists(st.tuples(st.lists(records, max_size=6), st.booleans()), min_size=1, max_size=5))
def test_pages_leave_what_their_records_told(
    database: Database, pages: list[tuple[list[CatalogueRecord], bool]]
) -> None:
    catalogue, model, at = Catalogue(database), Model(), 1
    for page, later in pages:
        at += later
        assert catalogue.read(*page, at=at) == model.read(page, at)
    assert {row[0]: row[1:6] for row in catalogue.content("cards")} == model.cards
    assert {row[0]: row[1:3] for row in catalogue.content("skus")} == model.skus
    assert {row[:2]: row[2:] for row in catalogue.content("prices")} == model.prices
    assert {row[:3]: row[3] for row in catalogue.content("barcodes")} == model.barcodes
