"""Ozon as a source: its options, its streams in their order, and who the key belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import ClassVar

import msgspec

from micore.domain.instants import instant
from micore.errors import NotFoundError, SettingsError, SourceAuthError
from micore.sources.base import AccountFacts, Option, Page, SourceTools, Stream, StreamKind
from micore.sources.ozon.answers import Company, SellerInfo
from micore.sources.ozon.api import NAME, OzonApi
from micore.sources.ozon.catalogue import read_catalogue
from micore.sources.ozon.fields import currency_code, optional_moment
from micore.sources.ozon.orders import read_orders
from micore.sources.ozon.sales import read_sales
from micore.sources.ozon.stock import read_stock
from micore.sources.ozon.warehouses import read_warehouses

DEFAULT_CURRENCY = "RUB"
MAX_HISTORY_DAYS = 3650

_SELLER = msgspec.json.Decoder(SellerInfo)


class OzonSource:
    """One Ozon seller account, read through the Seller API."""

    name: ClassVar[str] = NAME
    title: ClassVar[str] = "Ozon"
    parser: ClassVar[str] = "ozon/1"
    options: ClassVar[tuple[Option, ...]] = (
        Option("client_id", "Client ID of the seller account, from Settings, Seller API."),
        Option("api_key", "API key with reading rights, from Settings, Seller API.", secret=True),
        Option("base_url", "Address of the Seller API.", required=False, default="https://api-seller.ozon.ru"),
        Option("history_days", "Days of orders and sales that the first sync reads.", required=False, default="730"),
        Option("name", "Name to show; otherwise the one Ozon knows.", required=False),
    )
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream("warehouses", StreamKind.LISTING),
        Stream("catalogue", StreamKind.LISTING),
        Stream("stock", StreamKind.SNAPSHOT),
        Stream("orders", StreamKind.INCREMENTAL),
        Stream("sales", StreamKind.INCREMENTAL),
    )

    def __init__(self, options: Mapping[str, str], tools: SourceTools) -> None:
        given = {option.name: options.get(option.name) or option.default or "" for option in self.options}
        self._client_id = header_text("client_id", given["client_id"])
        self._shown_name = given["name"]
        self._history = timedelta(days=whole_number("history_days", given["history_days"], MAX_HISTORY_DAYS))
        self._api = OzonApi(self._client_id, header_text("api_key", given["api_key"]), given["base_url"], tools)

    def account(self) -> AccountFacts:
        """See Source.account. A key without the right to see the seller still reads its stock."""
        expires_at = optional_moment(self._api.roles().value.expires_at)
        try:
            company = self._api.ask("/v1/seller/info", None, _SELLER.decode).value.company or Company()
        except SourceAuthError:
            company = Company()
        return AccountFacts(
            external_id=self._client_id,
            name=self._shown_name or company.name or f"Ozon {self._client_id}",
            currency=currency_code(company.currency) or DEFAULT_CURRENCY,
            key_expires_at=None if expires_at is None else instant(expires_at),
        )

    def read(self, stream: str, cursor: str | None, *, full: bool = False) -> Iterator[Page]:
        """See Source.read."""
        at = None if full else cursor
        if stream == "warehouses":
            return read_warehouses(self._api, at)
        if stream == "catalogue":
            return read_catalogue(self._api, at)
        if stream == "stock":
            return read_stock(self._api, at)
        if stream == "orders":
            return read_orders(self._api, at, self._history)
        if stream == "sales":
            return read_sales(self._api, at, self._history)
        raise NotFoundError("stream of ozon", stream)

    def close(self) -> None:
        """See Source.close."""
        self._api.close()


def header_text(option: str, value: str) -> str:
    """A value that may stand in a header; raises SettingsError without showing it."""
    text = value.strip()
    if not text:
        raise SettingsError(setting(option), received="nothing", allowed="the value from Ozon's seller cabinet")
    if not (text.isascii() and text.isprintable()):
        raise SettingsError(setting(option), received="other than plain characters", allowed="printable ASCII")
    return text


def whole_number(option: str, value: str, maximum: int) -> int:
    """A number of days; raises SettingsError outside of 1 to `maximum`."""
    if not value.isdecimal() or not 1 <= int(value) <= maximum:
        raise SettingsError(setting(option), received=repr(value[:40]), allowed=f"a whole number from 1 to {maximum}")
    return int(value)


def setting(option: str) -> str:
    """The setting behind an option, as people write it."""
    return f"MICORE_{NAME.upper()}_{option.upper()}"
