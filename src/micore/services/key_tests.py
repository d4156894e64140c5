"""Testing a key: what it is, what it opens, until when, and how long its first sync takes. Nothing is stored."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from micore.domain.instants import micros
from micore.domain.key_views import KeyField, KeyForm, KeyReport, StreamFacts
from micore.domain.run_views import RunState
from micore.errors import (
    ConflictError,
    InvalidRequestError,
    MicoreError,
    RetryableError,
    SourceAuthError,
    StopRequestedError,
)
from micore.services.sync import SyncService
from micore.slots import number_of, option_variables
from micore.sources.base import AccountFacts, Option, Source, SourceTools
from micore.sources.keys import FirstSync, KeyFacts, KeySource
from micore.storage import keys, runs

LONGEST_SECONDS = 120.0
"""A test that has to wait longer says so and ends."""
LONGEST_VALUE = 4000
"""Letters of one field; a Wildberries token has about 400."""


@dataclass(frozen=True, slots=True)
class TestedPlugin:
    """A marketplace whose keys can be tried."""

    name: str
    title: str
    options: tuple[Option, ...]
    testable: bool
    open: Callable[[str | None, Mapping[str, str], SourceTools], Source]
    """Made of a slot's own settings, those of the first where None, with these instead of the same ones there."""


@dataclass(slots=True)
class _Asked:
    """What a test asks, counted; waits are cut off."""

    sync: SyncService
    started: float
    seconds: list[float] = field(default_factory=list)

    def tools(self) -> SourceTools:
        return SourceTools(
            now=self.sync.now,
            monotonic=self.sync.monotonic,
            sleep=self._sleep,
            on_request=lambda source, endpoint, status, seconds: self.seconds.append(seconds),
        )

    def _sleep(self, seconds: float) -> None:
        if self.sync.monotonic() + seconds - self.started > LONGEST_SECONDS:
            raise StopRequestedError("the test would have to wait too long for the marketplace's limits")
        self.sync.stopping.wait(seconds)

    def per_request(self) -> float:
        """Seconds of a usual answer: the middle one."""
        return sorted(self.seconds)[len(self.seconds) // 2] if self.seconds else 0.1


@dataclass(slots=True)
class KeyTests:
    """Tries keys. One test at a time, and none beside a sync of the same marketplace, whose limits it would share."""

    sync: SyncService
    plugins: Mapping[str, TestedPlugin]
    _one: threading.Lock = field(default_factory=threading.Lock)

    def forms(self) -> list[KeyForm]:
        """What each marketplace's keys are made of, and the settings to put the next one into."""
        return [self._form(plugin) for plugin in self.plugins.values()]

    def _form(self, plugin: TestedPlugin) -> KeyForm:
        mine = [slot for slot in self.sync.sources.values() if slot.plugin == plugin.name]
        taken = [slot.name for slot in mine if slot.open is not None]
        free = next((slot.name for slot in mine if slot.open is None), None)
        free = free or f"{plugin.name}-{max((number_of(name) for name in taken), default=1) + 1}"
        return KeyForm(
            source=plugin.name,
            title=plugin.title,
            fields=[
                KeyField(each.name, each.help, each.secret, option_variables(free, each.name)[0])
                for each in plugin.options
                if each.required
            ],
            slots=taken,
            testable=plugin.testable,
        )

    def test(self, source: str, values: Mapping[str, str] | None) -> KeyReport:
        """Try the key made of `values`; the one in the settings of a slot ("ozon-2") where None.

        Raises InvalidRequestError, never with a value in it, and ConflictError where a sync or a test is under way.
        """
        slot = self.sync.sources.get(source)
        plugin = self.plugins.get(source if slot is None else slot.plugin)
        if plugin is None:
            raise InvalidRequestError("source", received=source, allowed=", ".join(self.plugins) or "none is installed")
        if not plugin.testable:
            raise InvalidRequestError("source", received=source, allowed="a source whose plug-in can test keys")
        if values is None:
            self.sync.readable(source)
        checked = None if values is None else _checked(plugin, values)
        if not self._one.acquire(blocking=False):
            raise ConflictError("Another key is being tested; try again when that is done.")
        try:
            self._check_idle(plugin)
            asked = _Asked(self.sync, self.sync.monotonic())
            opened = plugin.open(source if values is None else None, checked or {}, asked.tools())
            try:
                assert isinstance(opened, KeySource)
                return self._report(plugin, opened, asked)
            finally:
                opened.close()
        finally:
            self._one.release()

    def _check_idle(self, plugin: TestedPlugin) -> None:
        with self.sync.database.read() as connection:
            opened = runs.open_runs(connection, now=micros(self.sync.now()))
        for run in opened:
            slot = self.sync.sources.get(run.source)
            if run.state == RunState.RUNNING and slot is not None and slot.plugin == plugin.name:
                raise ConflictError(
                    f"A sync of {run.source} is running (run {run.id}), and {plugin.title} counts every request. "
                    "Test the key when it has ended, or stop it first."
                )

    def _report(self, plugin: TestedPlugin, source: KeySource, asked: _Asked) -> KeyReport:
        facts: KeyFacts | None = None
        account: AccountFacts | None = None
        first: FirstSync | None = None
        failed: MicoreError | None = None
        try:
            facts = source.key()
            account = source.account()
            wanted = [each.name for each in source.streams if not facts.missing.get(each.name)]
            first = source.estimate(wanted, asked.per_request())
        except MicoreError as error:
            failed = error
        # A marketplace that is busy, down or cut off has refused nothing.
        accepted = True if account is not None else False if isinstance(failed, SourceAuthError) else None
        return KeyReport(
            source=plugin.name,
            title=plugin.title,
            accepted=accepted,
            problem=None if failed is None else str(failed),
            remedy=None if failed is None else _remedy(failed),
            kind=None if facts is None else facts.kind,
            account=None if account is None else account.name,
            account_id=None if account is None else account.external_id,
            read_by=None if account is None else self._read_by(plugin, account),
            rights=[] if facts is None else list(facts.rights),
            read_only=None if facts is None else facts.read_only,
            sandbox=None if facts is None else facts.sandbox,
            slow=facts is not None and facts.slow,
            expires_at=None if account is None else account.key_expires_at,
            days_left=_days_left(account, self.sync.now()),
            streams=_streams(source, facts, first),
            products=None if first is None else first.products,
            seconds=None if first is None else round(sum(each.seconds for each in first.streams.values()), 1),
            requests_made=len(asked.seconds),
        )

    def _read_by(self, plugin: TestedPlugin, account: AccountFacts) -> str | None:
        with self.sync.database.read() as connection:
            slots = keys.read_by(connection, source=plugin.name, external_id=account.external_id)
        return next((slot for slot in slots if slot in self.sync.sources), None)


def _checked(plugin: TestedPlugin, values: Mapping[str, str]) -> dict[str, str]:
    """The values of a key's fields. What is wrong is named without being shown."""
    fields = [each.name for each in plugin.options if each.required]
    for name in values:
        if name not in fields:
            raise InvalidRequestError("fields", received=f"{len(values)} fields", allowed=", ".join(fields))
    for name in fields:
        value = values.get(name, "").strip()
        if not value or len(value) > LONGEST_VALUE:
            received = "nothing" if not value else f"{len(value)} letters"
            raise InvalidRequestError(name, received=received, allowed=f"1 to {LONGEST_VALUE} letters")
    return {name: values[name].strip() for name in fields}


def _streams(source: Source, facts: KeyFacts | None, first: FirstSync | None) -> list[StreamFacts]:
    if facts is None:
        return []
    found = {} if first is None else first.streams
    return [
        StreamFacts(
            stream=each.name,
            missing=list(facts.missing.get(each.name, ())),
            requests=found[each.name].requests if each.name in found else None,
            seconds=round(found[each.name].seconds, 1) if each.name in found else None,
            reason=found[each.name].reason if each.name in found else None,
        )
        for each in source.streams
    ]


def _days_left(account: AccountFacts | None, now: datetime) -> int | None:
    if account is None or account.key_expires_at is None:
        return None
    return (account.key_expires_at - now) // timedelta(days=1)


def _remedy(error: MicoreError) -> str:
    if isinstance(error, SourceAuthError):
        return error.remedy
    if isinstance(error, RetryableError | StopRequestedError):
        return "Try again in a few minutes; the key itself may be good."
    return error.remedy
