"""What FBO and FBS postings have in common: which ones a request means, their status at an instant, pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from micore.simulator.clock import SECOND_US
from micore.simulator.ozon.view import View
from micore.simulator.ozon.wire import Body, RefusedError, make_cursor, read_cursor, text_list
from micore.simulator.shop.cards import Card, Prices
from micore.simulator.shop.orders import Outcome
from micore.simulator.shop.places import CLUSTERS, PLACES, Kind
from micore.simulator.shop.shop import Books

Ints = NDArray[np.int64]

STATUSES = ("awaiting_packaging", "awaiting_deliver", "delivering", "delivered", "cancelled")
YEAR_US = 366 * 86_400 * SECOND_US
PAYMENTS = (
    "картой онлайн", "карта Ozon Банка", "автосписание с карты Ozon Банка при выдаче",
    "сохранённой картой при получении", "Система Быстрых Платежей", "Ozon Рассрочка", "SberPay",
)  # fmt: skip
REASONS = {
    Outcome.CANCELLED: (
        (352, "Товара нет в наличии", "Продавец", "seller"),
        (505, "Покупатель передумал", "Клиент", "client"),
    ),
    Outcome.CANCELLED_AFTER_SHIP: (
        (402, "Покупатель отказался при получении", "Клиент", "client"),
        (506, "Истёк срок хранения", "Ozon", "ozon"),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Ledger:
    """Postings of one scheme of one state of the books, in the order of `sorted_us` (what since/to ask about)."""

    index: Ints
    sorted_us: Ints
    visible_us: Ints


def make_ledger(books: Books, kinds: tuple[Kind, ...]) -> Ledger:
    """Pick the postings of places of these kinds, by the time Ozon began to work on them."""
    wanted = np.array([place.kind in kinds for place in PLACES])
    index = np.flatnonzero(wanted[books.postings.place]).astype(np.int64)
    started = in_process_us(books, index)
    order = np.argsort(started, kind="stable")
    index = index[order]
    visible = books.postings.created_us[index] + books.postings.visible_s[index].astype(np.int64) * SECOND_US
    return Ledger(index, started[order], np.maximum(visible, started[order]))


def in_process_us(books: Books, index: Ints) -> Ints:
    """When Ozon began to work on postings: seconds after their creation."""
    delay = (books.postings.number[index] % np.uint64(40_000_000)).astype(np.int64) + 2 * SECOND_US
    return np.asarray(books.postings.created_us[index] + delay)


def status_at(books: Books, index: Ints, now_us: int) -> Ints:
    """Position in STATUSES of each posting at an instant."""
    postings = books.postings
    age = (now_us - postings.created_us[index]) // SECOND_US
    status = (age >= postings.packed_s[index]).astype(np.int64) + (age >= postings.shipped_s[index])
    ended = age >= postings.final_s[index]
    cancelled = np.isin(postings.outcome[index], (Outcome.CANCELLED, Outcome.CANCELLED_AFTER_SHIP))
    return np.asarray(np.where(ended, np.where(cancelled, 4, 3), status))


def changed_us(books: Books, index: Ints, now_us: int) -> Ints:
    """When the status last changed, up to an instant."""
    postings = books.postings
    age = (now_us - postings.created_us[index]) // SECOND_US
    latest = np.zeros(len(index), dtype=np.int64)
    end = postings.final_s[index].astype(np.int64)
    for stage in (postings.packed_s[index].astype(np.int64), postings.shipped_s[index].astype(np.int64), end):
        latest = np.where((stage <= age) & (stage <= end), np.maximum(latest, stage), latest)
    return np.asarray(postings.created_us[index] + latest * SECOND_US)


def check_period(since: int, to: int) -> None:
    """Refuse a period that Ozon refuses."""
    if to < since:
        raise RefusedError("filter.to must not be before filter.since")
    if to - since > YEAR_US:
        raise RefusedError("PERIOD_IS_TOO_LONG")


def in_period(ledger: Ledger, since: int, to: int, now_us: int) -> Ints:
    """Positions in the ledger that lie in a period and are visible by now."""
    low = int(np.searchsorted(ledger.sorted_us, since, side="left"))
    high = int(np.searchsorted(ledger.sorted_us, min(to, now_us), side="right"))
    positions = np.arange(low, high, dtype=np.int64)
    return positions[ledger.visible_us[low:high] <= now_us]


def with_statuses(view: View, ledger: Ledger, positions: Ints, chosen: Body) -> Ints:
    """Keep the positions whose status was asked for; unknown words are refused."""
    wanted = text_list(chosen, "statuses")
    if not wanted:
        return positions
    status = status_at(view.books, ledger.index[positions], view.now_us)
    known = [STATUSES.index(word) for word in wanted if word in STATUSES]
    return positions[np.isin(status, known)]


def page_of(ledger: Ledger, positions: Ints, cursor: str, limit: int, *, descending: bool) -> tuple[Ints, bool, str]:
    """One page of postings: (index, whether more follow, next cursor)."""
    after = read_cursor(cursor, 2)
    if descending:
        positions = positions[::-1]
    if after is not None:
        # The mark holds instant and posting, so a row that appears late before it is passed over, as on the real side.
        key_us, key = ledger.sorted_us[positions], ledger.index[positions]
        past = (key_us > after[0]) | ((key_us == after[0]) & (key > after[1]))
        if descending:
            past = (key_us < after[0]) | ((key_us == after[0]) & (key < after[1]))
        positions = positions[past]
    shown = positions[:limit]
    more = len(positions) > limit
    mark = make_cursor(int(ledger.sorted_us[shown[-1]]), int(ledger.index[shown[-1]])) if more else ""
    return ledger.index[shown], more, mark


def order_number(books: Books, posting: int) -> str:
    """The order's number as buyers see it."""
    bits = int(books.postings.number[posting])
    return f"{bits % 9_999_999_967:010d}-{(bits >> 40) % 480 + 1:04d}"


def posting_number(books: Books, posting: int) -> str:
    """The posting's number: the order's and a counter."""
    return f"{order_number(books, posting)}-1"


def numbered(view: View, ledger: Ledger, numbers: list[str], orders: list[str]) -> Ints:
    """Positions of postings by their numbers. Numbers are hashes, so the whole ledger is compared."""
    bits = view.books.postings.number[ledger.index]
    first = (bits % np.uint64(9_999_999_967)).astype(np.int64)
    second = ((bits >> np.uint64(40)) % np.uint64(480)).astype(np.int64) + 1
    key = first * 1000 + second
    wanted = []
    for number, parts in [(n, 3) for n in numbers] + [(n, 2) for n in orders]:
        pieces = number.split("-")
        if len(pieces) == parts and all(piece.isdigit() for piece in pieces) and (parts == 2 or pieces[2] == "1"):
            wanted.append(int(pieces[0]) * 1000 + int(pieces[1]))
    positions = np.flatnonzero(np.isin(key, np.array(wanted, dtype=np.int64))).astype(np.int64)
    return positions[ledger.visible_us[positions] <= view.now_us]


def order_id(books: Books, posting: int) -> int:
    """The order's number inside Ozon."""
    return int(books.postings.created_us[posting] // 10 - 120_000_000_000_000)


@dataclass(frozen=True)
class Sold:
    """One line of a posting with what it was sold for."""

    k: int
    sku: int
    card: Card
    quantity: int
    prices: Prices


def sold_lines(view: View, posting: int) -> list[Sold]:
    """The lines of a posting, at the prices of its creation."""
    books = view.books
    found = []
    for line in range(int(books.postings.line_first[posting]), int(books.postings.line_first[posting + 1])):
        k = int(view.pairs.product[books.lines.pair[line]])
        prices = view.shop.cards.prices(k, int(books.postings.created_us[posting]))
        found.append(Sold(k, int(view.goods.sku[k]), view.shop.cards.card(k), int(books.lines.quantity[line]), prices))
    return found


def reason(books: Books, posting: int) -> tuple[int, str, str, str]:
    """Why a posting was cancelled: id, text, initiator, type."""
    choices = REASONS[Outcome(int(books.postings.outcome[posting]))]
    return choices[int(books.postings.number[posting] >> np.uint64(20)) % len(choices)]


def financial(view: View, posting: int, lines: list[Sold], percent: float, status: str, **more: Any) -> Body:
    """`financial_data` of a posting; the payout is known once it is delivered."""
    place = PLACES[int(view.books.postings.place[posting])]
    delivered = status == "delivered"
    products = []
    for line in lines:
        price, old = line.prices.price, line.prices.old_price
        commission = round(price * percent / 100, 2) if delivered else 0
        product: Body = {
            "product_id": line.sku,
            "price": price,
            "old_price": old,
            "total_discount_value": old - price,
            "total_discount_percent": round((old - price) / old * 100, 2),
            "payout": round(price - commission, 2) if delivered else 0,
            "commission": {"amount": commission, "percent": round(percent) if delivered else 0, "currency": "RUB"},
            "actions": [],
        }
        if more.get("fbs"):
            product["quantity"] = line.quantity
            product["customer_price"] = {"amount": f"{price}.00", "currency": "RUB"}
        products.append(product)
    return {
        "cluster_from": CLUSTERS[place.cluster].name,
        "cluster_to": CLUSTERS[int(view.books.postings.buyer_cluster[posting])].name,
        "products": products,
    }


def city(view: View, posting: int) -> str:
    """The buyer's city."""
    cities = CLUSTERS[int(view.books.postings.buyer_cluster[posting])].cities
    return cities[int(view.books.postings.number[posting] >> np.uint64(12)) % len(cities)]


def payment(view: View, posting: int) -> str:
    """How the buyer paid."""
    return PAYMENTS[int(view.books.postings.number[posting] >> np.uint64(8)) % len(PAYMENTS)]


def is_premium(view: View, posting: int) -> bool:
    """Whether the buyer has Ozon's subscription."""
    return int(view.books.postings.number[posting] >> np.uint64(4)) % 3 == 0
