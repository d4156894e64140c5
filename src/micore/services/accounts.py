"""Whose key is it: each slot's account, told before a run reads a row, so that two shops never mix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog

from micore.domain.instants import optional_micros
from micore.errors import MicoreError, SettingsError, SourceAuthError
from micore.services.shop import Shop
from micore.sources.base import AccountFacts, Source, SourceTools, Stream
from micore.storage import events, identity, keys
from micore.storage.database import Connection, Database

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SourceSlot:
    """A registered source with one account's key, and what it needs to be read; `open` is None where it cannot be."""

    name: str
    """"ozon"; "ozon-2" for a further account."""
    title: str
    """"Ozon", "Ozon 2"."""
    streams: tuple[Stream, ...]
    open: Callable[[SourceTools], Source] | None
    reason: str | None
    """Why it is left out."""
    plugin: str = ""
    """The source's name; that of the slot where it is not given."""
    settings: tuple[str, ...] = ()
    """The variables of its key."""

    def __post_init__(self) -> None:
        if not self.plugin:
            object.__setattr__(self, "plugin", self.name)


@dataclass(frozen=True, slots=True)
class Entered:
    """The account that a run is going to read."""

    account_id: int
    left: int | None = None
    """The account that this slot read until now, where it is another one and no other slot reads it."""
    notice: str | None = None
    """What a person must know of that."""


@dataclass(slots=True)
class Accounts:
    """Asks marketplaces whose keys they are, and keeps what they say."""

    database: Database
    slots: Mapping[str, SourceSlot]
    shop: Shop
    now_micros: Callable[[], int]
    _told: dict[str, str] = field(default_factory=dict)
    """External ids that keys in force have told in this process, by slot."""

    def ask(self, slot: str, source: Source) -> AccountFacts:
        """Whose key it is. Raises what the source raises, SettingsError for another currency than the shop's.

        A refusal is kept, so that the dashboard and /health say which key is dead.
        """
        try:
            facts = source.account()
        except SourceAuthError as error:
            with self.database.write() as connection:
                keys.refused(connection, slot, problem=str(error), remedy=error.remedy, now=self.now_micros())
            raise
        if facts.currency != self.shop.currency:
            raise SettingsError(
                "MICORE_CURRENCY",
                received=f"{self.shop.currency}, but {source.title} sells in {facts.currency} for {facts.name!r}",
                allowed="the currency of the accounts, one for all, because sums of several would be wrong",
            )
        self._told[slot] = facts.external_id
        return facts

    def check_read_once(self, slot: str, facts: AccountFacts, tools_of: Callable[[str], SourceTools]) -> None:
        """Raise SettingsError where an earlier slot's key is of the same account: its figures would count twice."""
        here = self.slots[slot]
        for earlier in self.slots.values():
            if earlier.name == slot:
                return
            if earlier.plugin == here.plugin and self._id_of(earlier, tools_of) == facts.external_id:
                mine, other = (" and ".join(each.settings) or each.name for each in (here, earlier))
                raise SettingsError(
                    mine,
                    received=f"a key of {facts.name!r} ({facts.external_id}), the account that {other} reads already",
                    allowed="a key of another account, or none: twice would be counted double",
                )

    def _id_of(self, slot: SourceSlot, tools_of: Callable[[str], SourceTools]) -> str | None:
        """Whose key another slot's is; None where it has none, or nobody can tell now: its own run says why."""
        if slot.name not in self._told and slot.open is not None:
            try:
                source = slot.open(tools_of(slot.name))
                try:
                    self._told[slot.name] = source.account().external_id
                finally:
                    source.close()
            except MicoreError as error:
                log.info("sync.account_not_told", source=slot.name, error=str(error))
        return self._told.get(slot.name)

    def enter(self, connection: Connection, slot: str, source: Source, facts: AccountFacts) -> Entered:
        """Make or find the account and note whose key it is; part of the transaction that begins a run."""
        now = self.now_micros()
        name = facts.name
        taken = keys.name_taken(connection, source=source.name, external_id=facts.external_id, name=name)
        account_id = identity.ensure_account(
            connection,
            source=source.name,
            external_id=facts.external_id,
            # Two shops of one name could not be told apart.
            name=f"{name} ({slot})" if taken else name,
            currency=facts.currency,
            now=now,
        )
        before = keys.accepted(connection, slot, account_id, expires_at=optional_micros(facts.key_expires_at), now=now)
        if before is None:
            return Entered(account_id)
        reads = {row.account_id for row in keys.keys(connection).values() if row.slot in self.slots}
        left = None if before in reads else before
        former = keys.account_name(connection, before)
        if left is not None:
            keys.leave(connection, left, now=now)
        events.append_event(
            connection,
            at=now,
            kind="account.changed",
            actor=f"slot:{slot}",
            subject=f"account:{account_id}",
            payload={"before": before, "left": left is not None},
        )
        log.warning("sync.account_changed", source=slot, account=facts.name, before=former)
        stays = "; the stock of that one stays as it was read last, and is marked stale" if left is not None else ""
        return Entered(
            account_id,
            left,
            f"The key is now one of {facts.name} ({facts.external_id}); until now it was one of {former}. Each is an "
            f"account of its own{stays}.",
        )
