"""What a Wildberries token opens: the categories ticked when it was made, told by the bits of a real one."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

LIMITED_KEY = "limited"
"""Stands for a token of the category Content alone."""

CONTENT, ANALYTICS, PRICES, MARKETPLACE, STATISTICS, SUPPLIES, FINANCE = 1, 2, 3, 4, 5, 10, 13
_CATEGORIES = (
    ("/content/", CONTENT),
    ("/api/v2/list/goods/", PRICES),
    ("/api/analytics/", ANALYTICS),
    ("/api/v1/analytics/", ANALYTICS),
    ("/api/v1/warehouse_remains", ANALYTICS),
    ("/api/v1/paid_storage", ANALYTICS),
    ("/api/v3/", MARKETPLACE),
    ("/api/v1/supplier/", STATISTICS),
    ("/api/v1/supplies", SUPPLIES),
    ("/api/v1/warehouses", SUPPLIES),
    ("/api/v1/transit-tariffs", SUPPLIES),
    ("/api/v1/acceptance/", SUPPLIES),
    ("/api/finance/", FINANCE),
)


def category_of(path: str) -> int | None:
    """The category that a method belongs to, None for those that every token opens."""
    return next((category for start, category in _CATEGORIES if path.startswith(start)), None)


def opens(token: str, path: str) -> bool:
    """Whether a token may use a method. Only real tokens tell their categories; any other text opens everything."""
    category = category_of(path)
    if category is None:
        return True
    if token == LIMITED_KEY:
        return category == CONTENT
    bits = _claims(token).get("s")
    return not isinstance(bits, int) or isinstance(bits, bool) or bool(bits >> category & 1)


def _claims(token: str) -> dict[str, Any]:
    """What is written in the middle of a token of three parts; nothing for any other text."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        found = msgspec.json.decode(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, msgspec.DecodeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
