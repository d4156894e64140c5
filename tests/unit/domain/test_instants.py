"""Instants as integers, and the shop's days."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micore.domain.instants import DayTurner, business_day, instant, micros

MOSCOW = ZoneInfo("Europe/Moscow")
ZONES = [MOSCOW, ZoneInfo("Europe/Paris"), ZoneInfo("Asia/Kathmandu"), ZoneInfo("America/St_Johns"), ZoneInfo("UTC")]
INSTANTS = st.integers(946_684_800_000_000, 4_102_444_800_000_000).map(instant)


@given(INSTANTS)
def test_there_and_back(moment: datetime) -> None:
    assert instant(micros(moment)) == moment


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a zone"):
        micros(datetime.fromisoformat("2026-11-22T00:00:00"))


def test_the_shops_day_begins_in_moscow() -> None:
    late_evening = micros(datetime(2026, 11, 22, 21, 30, tzinfo=UTC))
    assert business_day(late_evening, MOSCOW).isoformat() == "2026-11-23"


@given(INSTANTS, st.sampled_from(ZONES))
def test_the_quick_way_agrees_with_the_zone(moment: datetime, zone: ZoneInfo) -> None:
    assert DayTurner(zone).day(micros(moment)) == moment.astimezone(zone).date().isoformat()
