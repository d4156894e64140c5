"""What a Wildberries token opens: the categories ticked when it was made, told by the bits of a real one."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
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


READ_ONLY = 30
BASIC, TEST, PERSONAL, SERVICE = 1, 2, 3, 4
SELLER = "e8923014-e233-47a8-898e-3cc86d67ea61"
"""Who a token that names no seller belongs to."""


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says of itself; any text that is no token opens everything for ever, for the sake of short keys."""

    seller: str = SELLER
    categories: int | None = None
    """Bits; None: all."""
    expires_s: int | None = None
    test: bool = False
    basic: bool = False

    @classmethod
    def read(cls, text: str) -> Token:
        """The middle of a token of three parts. Its signature is not checked: the simulator has no secret."""
        if text == LIMITED_KEY:
            return cls(categories=1 << CONTENT)
        claims = _claims(text)
        seller, bits, expires = claims.get("sid"), claims.get("s"), claims.get("exp")
        return cls(
            seller if isinstance(seller, str) and seller else SELLER,
            bits if isinstance(bits, int) and not isinstance(bits, bool) else None,
            expires if isinstance(expires, int) and not isinstance(expires, bool) else None,
            claims.get("t") is True or claims.get("acc") == TEST,
            claims.get("acc") == BASIC,
        )

    def refusal(self, path: str, now_s: int) -> str | None:
        """Why it may not use a method now; None: it may."""
        if self.expires_s is not None and self.expires_s <= now_s:
            return "token problem; token is expired"
        if self.test:
            # The sandbox has hosts of its own; this is the real one.
            return "token problem; token of the test environment"
        category = category_of(path)
        if category is None or self.categories is None or self.categories >> category & 1:
            return None
        return "token scope not allowed"


def make_token(
    *categories: int,
    seller: str = SELLER,
    expires_s: int | None = None,
    kind: int = PERSONAL,
    read_only: bool = True,
    test: bool = False,
) -> str:
    """A token that says so of itself, in a real one's form."""
    bits = sum(1 << category for category in categories) | (1 << READ_ONLY if read_only else 0)
    claims: dict[str, Any] = {
        "acc": kind, "ent": 1, "for": "self" if kind == PERSONAL else "asid:00000000", "id": "0198", "iid": 1,
        "oid": 1, "s": bits, "sid": seller, "t": test, "uid": 1,
    }  # fmt: skip
    if expires_s is not None:
        claims["exp"] = expires_s
    parts = (b'{"alg":"ES256","kid":"20251103v1","typ":"JWT"}', msgspec.json.encode(claims), b"signature")
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


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
