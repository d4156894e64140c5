"""Methods that a marketplace will switch off, or has: told from two months before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from micore.domain.findings import Finding, FindingKind

WARN_BEFORE = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Retirement:
    """The published end of a method."""

    path: str
    """As it is asked for, {number} for numbers in it."""
    day: date
    """From this day on it is said to answer no more. Marketplaces put such days off, so it is read until it is gone."""
    instead: str
    """What takes its place; empty where nothing is named."""


def retiring(endpoints: Iterable[str], known: Iterable[Retirement], today: date) -> list[Finding]:
    """What is to be said of methods ("GET /path") that end within two months, or should have ended."""
    days = {each.path: each for each in known}
    found: list[Finding] = []
    for endpoint in endpoints:
        each = days.get(endpoint.rpartition(" ")[2])
        if each is not None and today >= each.day - WARN_BEFORE:
            ends = f"ends on {each.day.isoformat()}" if today < each.day else f"was to end on {each.day.isoformat()}"
            instead = f"; {each.instead} takes its place" if each.instead else ""
            found.append(
                Finding(
                    FindingKind.RETIRING,
                    f"{endpoint} {ends} by the marketplace's word{instead}.",
                    {"endpoint": endpoint, "day": each.day.isoformat(), "instead": each.instead},
                )
            )
    return found


def announced(endpoint: str, notice: str) -> Finding:
    """What is to be said of an answer that says itself that its method ends."""
    return Finding(
        FindingKind.RETIRING,
        f"{endpoint} says of itself that it will end ({notice}).",
        {"endpoint": endpoint, "notice": notice},
    )
