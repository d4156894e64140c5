"""Stock by day, replayed from intervals: the answer is compared with counting every single instant."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from micore.domain.stock_days import PlaceInterval, StockDay, stock_days

DAY = 10
PIECE = 1000


def interval(start: int, end: int | None, available: int | None, *, place: int = 1) -> PlaceInterval:
    return PlaceInterval(sku_id=1, place_id=place, valid_from=start, valid_until=end, available=available)


class TestDays:
    def test_before_the_first_reading_nothing_is_known(self) -> None:
        found = stock_days([interval(25, None, 3 * PIECE)], [0, 10, 20, 30], known_until=30)
        assert found == [None, None, StockDay(end=3000, low=3000, out_of_stock=0.0)]

    def test_a_stock_out_counts_by_its_length(self) -> None:
        found = stock_days(
            [interval(0, 4, 2 * PIECE), interval(4, 8, 0), interval(8, None, 5000)], [0, 10], known_until=10
        )
        assert found == [StockDay(end=5000, low=0, out_of_stock=0.4)]

    def test_only_the_known_part_of_today_counts(self) -> None:
        found = stock_days([interval(0, 2, 1000), interval(2, None, 0)], [0, 10], known_until=4)
        assert found == [StockDay(end=0, low=0, out_of_stock=0.5)]

    def test_a_day_behind_the_last_reading_has_the_last_figure(self) -> None:
        found = stock_days([interval(0, None, 0)], [0, 10, 20], known_until=5)
        assert found == [StockDay(0, 0, 1.0), StockDay(0, 0, 1.0)]

    def test_places_add_up_and_an_untold_place_adds_nothing(self) -> None:
        told = [interval(0, None, 1000), interval(5, None, 2000, place=2), interval(0, None, None, place=3)]
        assert stock_days(told, [0, 10], known_until=10) == [StockDay(end=3000, low=1000, out_of_stock=0.0)]

    def test_a_figure_replaced_at_midnight_is_not_the_days_lowest(self) -> None:
        told = [interval(0, 10, 0), interval(10, None, 7000)]
        assert stock_days(told, [0, 10, 20], known_until=20)[1] == StockDay(7000, 7000, 0.0)

    def test_less_than_nothing_is_out_of_stock(self) -> None:
        assert stock_days([interval(0, None, -2000)], [0, 10], known_until=10) == [StockDay(-2000, -2000, 1.0)]


@st.composite
def histories(draw: st.DrawFn) -> list[PlaceInterval]:
    """Up to three places, each with intervals that follow one another, now and then with a gap between."""
    found = []
    for place in range(1, draw(st.integers(1, 3)) + 1):
        at = draw(st.integers(0, 25))
        for _ in range(draw(st.integers(0, 4))):
            end = at + draw(st.integers(1, 12))
            available = draw(st.one_of(st.none(), st.integers(-1, 3).map(lambda units: units * PIECE)))
            found.append(interval(at, end, available, place=place))
            at = end + draw(st.sampled_from([0, 0, 0, 3]))
        if draw(st.booleans()):
            found.append(interval(at, None, draw(st.integers(0, 3)) * PIECE, place=place))
    return found


def counted(intervals: list[PlaceInterval], start: int, end: int, known_until: int) -> StockDay | None:
    """The same by looking at every instant of the day."""

    def total(instant: int) -> int | None:
        told = [
            each.available
            for each in intervals
            if each.valid_from <= instant
            and (each.valid_until is None or instant < each.valid_until)
            and each.available is not None
        ]
        return sum(told) if told else None

    known_end = max(min(end, known_until), start)
    figures = [total(instant) for instant in range(start, known_end)] or [total(start)]
    known = [figure for figure in figures if figure is not None]
    if not known:
        return None
    out = sum(figure <= 0 for figure in known) / len(known)
    return StockDay(known[-1], min(known), out)


@given(histories(), st.integers(0, 45))
def test_equals_counting_every_instant(intervals: list[PlaceInterval], known_until: int) -> None:
    edges = [0, 10, 20, 30, 40]
    found = stock_days(intervals, edges, known_until=known_until)
    for index, day in enumerate(found):
        assert day == counted(intervals, edges[index], edges[index + 1], known_until)
