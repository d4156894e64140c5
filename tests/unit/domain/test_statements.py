"""What a marketplace says that it pays, beside stored amounts: what is wrong is named."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from micore.domain.reconcile_views import DifferenceClass as Kind
from micore.domain.reconciling import Difference
from micore.domain.statements import Amounts, Member, Statement, Stored, compare_statements, merged

FIRST, LAST, MADE = "2026-11-09", "2026-11-15", "2026-11-16"
RUB = 10_000
TOLD = {"for_pay": 9_000, "delivery": 700, "storage": 90, "penalty": 231, "deduction": 150, "schedule": -13}
SIGNS = {"for_pay": 1, "delivery": -1, "storage": -1, "penalty": -1, "deduction": -1, "schedule": 1}
PAID = 9_000 - 700 - 90 - 231 - 150 - 13


def statement(signs: dict[str, int] | None = None, **changed: int | str) -> Statement:
    """What is told; `signs` are those that we count with."""
    told = {name: int(changed.get(name, value)) for name, value in TOLD.items()}
    members = tuple(Member(name, (name,), told[name] * RUB, (signs or SIGNS)[name]) for name in TOLD)
    discount = Member("discount", (), 77 * RUB, 0)
    paid = int(changed.get("paid", PAID)) * RUB
    made, currency = str(changed.get("made", MADE)), str(changed.get("currency", "RUB"))
    return Statement(FIRST, LAST, made, currency, paid, (*members, discount))


@dataclass
class Ours:
    """Stored amounts of that week, as they should be but for what is changed."""

    changed: dict[str, int | None] = field(default_factory=dict)
    currency: str = "RUB"

    def amounts(self) -> dict[tuple[str, str, str], int]:
        values = {name: SIGNS[name] * value for name, value in TOLD.items()} | self.changed
        return {("2026-11-12", self.currency, name): value * RUB for name, value in values.items() if value is not None}


def compare(
    statements: list[Statement],
    amounts: Amounts,
    *,
    since: str | None = "2026-10-01",
    read_to: str | None = "2026-11-20",
    waiting: set[str | None] | None = None,
) -> list[tuple[Kind, str | None, int | None, int | None]]:
    found: list[Difference] = compare_statements(statements, Stored(amounts, since, read_to, waiting or set()))[1]
    return [(each.kind, each.member, _roubles(each.theirs), _roubles(each.ours)) for each in found]


def _roubles(side: int | None) -> int | None:
    return None if side is None else side // RUB


def test_equal_is_no_difference() -> None:
    assert compare([statement()], Ours().amounts()) == []


def test_two_reports_of_one_week_are_one() -> None:
    half = statement(for_pay=4_000, delivery=0, storage=0, penalty=0, deduction=0, schedule=0, paid=4_000)
    rest = statement(for_pay=5_000, paid=PAID - 4_000)
    assert compare([half, rest], Ours().amounts()) == []
    (both,) = merged([half, rest])
    assert (both.reports, both.paid) == (2, PAID * RUB)


def test_currencies_are_not_added() -> None:
    both = Ours().amounts() | Ours(currency="BYN").amounts()
    assert compare([statement(), statement(currency="BYN")], both) == []
    assert compare([statement()], both) == [(Kind.EXTRA_HERE, "payout", None, PAID)]
    wrong = compare([statement(), statement(currency="BYN")], Ours().amounts() | {("2026-11-10", "BYN", "delivery"): 1})
    assert {kind for kind, *_ in wrong} == {Kind.AMOUNT}


@pytest.mark.parametrize("name", list(TOLD))
def test_a_sum_that_we_count_with_the_wrong_sign_is_named_by_their_own_figures(name: str) -> None:
    signs = SIGNS | {name: -SIGNS[name]}
    amounts = {key: (-value if key[2] == name else value) for key, value in Ours().amounts().items()}
    ours = -SIGNS[name] * TOLD[name]
    assert compare([statement(signs)], amounts) == [(Kind.SIGN, name, -ours, ours)]
    # Also where nothing of it is read here.
    assert (Kind.SIGN, name, -ours, ours) in compare([statement(signs)], {})


def test_a_sum_that_counts_after_all_or_not_at_all_is_named() -> None:
    assert compare([statement(paid=PAID + 77)], Ours().amounts()) == [(Kind.SIGN, "discount", 77, 0)]
    assert compare([statement(paid=PAID + 231)], Ours().amounts()) == [(Kind.SIGN, "penalty", 0, -231)]


def test_two_wrong_signs_at_once_are_named() -> None:
    told = statement(paid=PAID + 2 * 231 - 2 * 77 + 77)
    assert {(kind, name) for kind, name, *_ in compare([told], Ours().amounts())} == {
        (Kind.SIGN, "penalty"),
        (Kind.SIGN, "discount"),
    }


def test_what_no_sum_explains_or_several_do_is_unexplained() -> None:
    assert compare([statement(paid=PAID + 5)], Ours().amounts()) == [(Kind.UNEXPLAINED, "payout", PAID + 5, PAID)]
    twins = statement(storage=150, paid=PAID - 60 + 300)
    amounts = Ours({"storage": -150}).amounts()
    assert compare([twins], amounts) == [(Kind.UNEXPLAINED, "payout", PAID + 240, PAID - 60)]


@pytest.mark.parametrize("name", list(TOLD))
def test_a_sum_that_is_stored_wrongly_is_named(name: str) -> None:
    right = SIGNS[name] * TOLD[name]
    assert compare([statement()], Ours({name: right + 7}).amounts()) == [(Kind.AMOUNT, name, right, right + 7)]
    assert compare([statement()], Ours({name: None}).amounts()) == [(Kind.AMOUNT, name, right, None)]
    assert compare([statement()], Ours({name: -right}).amounts()) == [(Kind.SIGN, name, right, -right)]


def test_amounts_of_none_of_the_sums_are_named() -> None:
    assert compare([statement()], Ours({"carriage": -9}).amounts()) == [(Kind.EXTRA_HERE, "other", None, -9)]


def test_amounts_of_days_that_no_report_is_about_are_named() -> None:
    amounts = Ours().amounts() | {("2026-11-17", "RUB", "storage"): -5 * RUB}
    assert compare([statement()], amounts) == [(Kind.EXTRA_HERE, "payout", None, -5)]


def test_a_report_that_is_not_read_is_no_wrong_amount() -> None:
    nothing = [(Kind.UNREAD, "payout", PAID, None)]
    assert compare([statement()], {}) == nothing
    assert compare([statement()], {}, since=None, read_to=None) == nothing
    # Made since the last whole reading, if that is recent.
    assert compare([statement()], {}, read_to=MADE) == [(Kind.LATE, "payout", PAID, None)]
    second = statement(made="2026-11-20", paid=PAID + 1_000, for_pay=10_000)
    assert compare([second], Ours().amounts()) == [(Kind.LATE, "for_pay", 10_000, 9_000)]
    # The history begins inside of it.
    part = Ours({"for_pay": 3_000}).amounts()
    assert compare([statement()], part, since="2026-11-11") == [(Kind.UNREAD, "for_pay", 9_000, 3_000)]


@pytest.mark.parametrize(
    ("waiting", "kind"),
    [({"2026-11-15"}, Kind.QUARANTINED), ({None}, Kind.QUARANTINED), ({"2026-11-08", "2026-11-16"}, Kind.AMOUNT)],
)
def test_rows_that_wait_are_the_reason_for_their_own_report_alone(waiting: set[str | None], kind: Kind) -> None:
    assert compare([statement()], Ours({"penalty": None}).amounts(), waiting=waiting) == [(kind, "penalty", -231, None)]
    assert compare([statement()], Ours().amounts(), waiting=waiting) == []


def test_their_rounding_is_no_difference() -> None:
    amounts = Ours().amounts()
    amounts["2026-11-12", "RUB", "storage"] -= 99
    assert compare([statement()], amounts) == []
    amounts["2026-11-12", "RUB", "storage"] -= 1
    assert [name for _, name, *_ in compare([statement()], amounts)] == ["storage"]
