"""Ends of methods are told from two months before."""

from __future__ import annotations

from datetime import date

from micore import plugins
from micore.domain.retirements import Retirement, retiring

KNOWN = [Retirement("/v1/things/{number}", date(2026, 12, 31), "/v2/things/{number}")]


def test_an_end_is_told_from_sixty_days_before() -> None:
    asked = ["GET /v1/things/{number}", "GET /v1/others"]
    assert retiring(asked, KNOWN, date(2026, 10, 31)) == []
    (found,) = retiring(asked, KNOWN, date(2026, 11, 1))
    assert "ends on 2026-12-31" in found.message
    assert "/v2/things/{number}" in found.message


def test_an_end_that_was_put_off_is_still_told() -> None:
    (found,) = retiring(["GET /v1/things/{number}"], KNOWN, date(2027, 1, 5))
    assert "was to end on 2026-12-31" in found.message


def test_each_plug_in_names_the_ends_it_knows() -> None:
    for name in ("ozon", "wildberries"):
        known = plugins.load(plugins.SOURCES, name).retirements
        assert len({each.path for each in known}) == len(known) > 1
