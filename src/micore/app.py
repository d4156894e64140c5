"""The composition root: settings in, ready parts out. The only place that chooses which part does the work."""

from __future__ import annotations

import os
import re
import socket
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Any

from micore.cache import Cache, MemoryCache, RedisCache
from micore.config import ENV_FILE, Settings, environment, facts, slot_options, source_options
from micore.domain.run_views import Run, RunPage, SyncOverview, Trigger
from micore.domain.stock_status import StatusThresholds
from micore.domain.views import Meta
from micore.errors import MicoreError, SettingsError
from micore.plugins import SOURCES, load, registered
from micore.services.accounts import SourceSlot
from micore.services.backfills import Backfills
from micore.services.backup_desk import BackupDesk
from micore.services.backups import Backups, Configuration
from micore.services.dashboard import Dashboards
from micore.services.explain import Explanations
from micore.services.health import Health
from micore.services.key_tests import KeyTests, TestedPlugin
from micore.services.live import Live
from micore.services.products import Products
from micore.services.quarantine import Quarantine
from micore.services.reconciliations import Reconciliations
from micore.services.restoring import Restoring
from micore.services.schedule import Schedule
from micore.services.shop import Shop
from micore.services.sync import SyncService
from micore.slots import number_of, option_variables, plugin_of
from micore.sources.base import Option, Source, SourceTools
from micore.storage.backup_folder import BackupFolder
from micore.storage.database import Database, WriterLock
from micore.storage.events import STOCK, current_generation
from micore.storage.journal import LoggedJournal
from micore.storage.migrations import upgrade
from micore.storage.raw import RawStore
from micore.storage.transaction_log import TransactionLog
from micore.telemetry.logs import hide

VERSION = version("micore")


@dataclass(frozen=True)
class SyncDesk:
    """Syncs as people ask for them: by a button or a command."""

    service: SyncService
    wake: Callable[[], None]
    """Makes the worker look into the queue."""
    trigger: Trigger = Trigger.BUTTON

    def overview(self) -> SyncOverview:
        """The registered sources and what is running."""
        return self.service.overview()

    def request(self, *, source: str | None, streams: Sequence[str] | None, full: bool) -> list[Run]:
        """Queue a run per configured source; raises InvalidRequestError."""
        requested = self.service.request(trigger=self.trigger, source=source, streams=streams, full=full)
        self.wake()
        return requested

    def stop(self, run_id: int) -> Run:
        """Ask a run to stop; raises NotFoundError."""
        return self.service.stop(run_id)

    def run(self, run_id: int) -> Run:
        """One run; raises NotFoundError."""
        return self.service.run(run_id)

    def runs(self, *, limit: int, cursor: str | None, source: str | None, findings: bool) -> RunPage:
        """Finished runs, newest first; raises InvalidRequestError."""
        return self.service.history(limit=limit, cursor=cursor, source=source, findings=findings)


class LiveListener:
    """Tells browsers what the sync does. Which of a run's changes are sent is for `Live` to say: it knows the state."""

    def __init__(self, live: Live, read_run: Callable[[int], Run]) -> None:
        self._live = live
        self._read_run = read_run

    def published(self, source: str, generation: int, as_of: datetime) -> None:
        """Everything older is out of date from now on."""
        self._live.stock_published(generation=generation, as_of=as_of, source=source)

    def run_changed(self, run_id: int) -> None:
        """How a run stands."""
        self._live.run_changed(self._read_run(run_id))


@dataclass(frozen=True)
class App:
    """Ready parts. Nothing is running yet: entry points start what they need, and call `close` at the end."""

    settings: Settings
    shop: Shop
    database: Database
    raw_store: RawStore
    cache: Cache
    live: Live
    sync: SyncService
    backfills: Backfills
    reconciliations: Reconciliations
    quarantine: Quarantine
    dashboards: Dashboards
    products: Products
    explanations: Explanations
    health: Health
    key_tests: KeyTests
    backups: Backups
    backup_desk: BackupDesk
    restoring: Restoring

    def open(self) -> None:
        """Bring the database to this program's schema, and its log up to the database.

        Raises StorageError where that cannot be, or the two do not belong together.
        """
        self.restoring.finish()
        open_database(self.database)

    def writer_lock(self) -> WriterLock | None:
        """The lock of the one writing process; None where the database lets several write."""
        path = self.database.path
        return None if path is None else WriterLock(path)

    def meta(self) -> Meta:
        """What the web app must know before it draws."""
        return Meta(
            version=VERSION,
            shop_name=self.shop.name,
            time_zone=self.shop.time_zone,
            currency=self.shop.currency,
            thresholds=self.shop.thresholds,
            demo=self.shop.demo,
            sources=list(dict.fromkeys(slot.plugin for slot in self.sync.sources.values())),
            slots=list(self.sync.sources),
        )

    def close(self) -> None:
        """Give files and connections back."""
        self.raw_store.close()
        self.cache.close()
        self.database.close()


def logged_database(settings: Settings) -> Database:
    """The database of the settings with its transaction log. Connects to nothing yet."""
    return Database(settings.database, journal=LoggedJournal(TransactionLog(settings.data_root / "log")))


def log_of_backup(database: Database, after: int, folder: Path) -> list[Path]:
    """The part of the transaction log that goes with a backup, see `Backups.log_parts`."""
    journal = database.journal
    if not isinstance(journal, LoggedJournal) or not journal.log.head().seq:
        return []
    journal.catch_up(database)
    return journal.log.lay_out(after, folder)


def open_database(database: Database) -> str:
    """Bring a database to this program's schema, and its log up to the database. Returns the schema's revision.

    Raises StorageError.
    """
    journal = database.journal
    if isinstance(journal, LoggedJournal):
        journal.look(database)
    revision = upgrade(database)
    if isinstance(journal, LoggedJournal):
        journal.open(database)
    return revision


def installed_source_options() -> dict[str, tuple[Option, ...]]:
    """The options of every source that can be loaded, by name: what settings may hold."""
    found: dict[str, tuple[Option, ...]] = {}
    for name in registered(SOURCES):
        try:
            found[name] = load(SOURCES, name).options
        except MicoreError:
            found[name] = ()
    return found


def build_app(
    settings: Settings,
    *,
    now: Callable[[], datetime] | None = None,
    monotonic: Callable[[], float] = time.monotonic,
    others_ask: bool = True,
    env_file: Path | None = ENV_FILE,
) -> App:
    """Put the parts together. Connects to nothing yet. `monotonic` is the time that waits and limits run in;
    `others_ask` whether an earlier process may have used up limits; `env_file` is where sources find their options
    beside the environment.

    Raises SettingsError, StorageError.
    """
    clock = now or _utc_now
    shop = _shop(settings)
    database = logged_database(settings)
    raw_root = settings.data_root / "raw"
    live = Live(partial(_read_generation, database), one_process=database.dialect.one_writer)
    raw_store = RawStore(raw_root)
    sync = SyncService(
        database=database,
        raw_store=raw_store,
        sources=_slots(env_file),
        now=clock,
        monotonic=monotonic,
        shop=shop,
        schedule=Schedule.parse(settings.sync_schedule, shop.zone),
        others_ask=others_ask,
        owner=f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}",
    )
    sync.listener = LiveListener(live, sync.run)
    cache: Cache = _cache(settings)
    desk = _backup_desk(settings, database, shop, clock, env_file)
    restoring = Restoring(database, settings.data_root, now=clock)
    return App(
        restoring=restoring,
        key_tests=KeyTests(sync, _tested_plugins(env_file)),
        settings=settings,
        shop=shop,
        database=database,
        raw_store=raw_store,
        cache=cache,
        live=live,
        sync=sync,
        backfills=Backfills(sync),
        reconciliations=Reconciliations(sync),
        quarantine=Quarantine(sync),
        dashboards=Dashboards(database, shop, now=clock),
        products=Products(database, shop, now=clock),
        explanations=Explanations(database, raw_root),
        backups=desk.backups,
        backup_desk=desk,
        health=Health(
            database,
            cache,
            shop,
            version=VERSION,
            now=clock,
            slots=[slot.name for slot in sync.sources.values() if slot.open is not None],
            backups=desk.status,
            restored=restoring.last,
        ),
    )


def web_folder() -> Path | None:
    """Where the built web app lies; None when it has not been built."""
    folder = Path(__file__).parent / "web"
    return folder if (folder / "index.html").is_file() else None


def _backup_desk(
    settings: Settings, database: Database, shop: Shop, now: Callable[[], datetime], env_file: Path | None
) -> BackupDesk:
    made = Backups(
        database=database,
        home=settings.data_root,
        folder=BackupFolder(settings.backup_folder),
        program=VERSION,
        configuration=partial(configuration, env_file),
        now=now,
        retention=timedelta(days=settings.backup_retention_days),
        log_parts=partial(log_of_backup, database),
    )
    # A made-up shop, in a clock of its own, is not worth a backup; whoever wants one asks for it.
    expression = "off" if settings.demo else settings.backup_schedule
    return BackupDesk(made, Schedule.parse(expression, shop.zone, setting="BACKUP_SCHEDULE"), now=now)


def configuration(env_file: Path | None = ENV_FILE) -> Configuration:
    """What is set on this machine, as a `.env` that another one can begin with; what has its default is left out."""
    slots = slot_options(installed_source_options(), env_file=env_file)
    variables = environment(env_file)
    for slot, options in slots.items():
        values, _ = source_options(slot, options, env_file=env_file)
        variables |= {option_variables(slot, name)[0]: value for name, value in values.items()}
    described = [each for each in facts(slots) if variables.get(each.name) not in (None, "", each.default)]
    line = "{}={}\n".format
    return Configuration(
        plain="".join(
            f"# {each.name} is set and secret.\n" if each.secret else line(each.name, quoted(variables[each.name]))
            for each in described
        ),
        secret="".join(line(each.name, quoted(variables[each.name])) for each in described if each.secret),
    )


def quoted(value: str) -> str:
    """A value as a `.env` takes it, to the letter."""
    if re.fullmatch(r"[\w./:@%+,=-]+", value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _shop(settings: Settings) -> Shop:
    return Shop(
        name=settings.shop_name,
        time_zone=settings.time_zone,
        currency=settings.currency,
        thresholds=StatusThresholds(settings.stock_critical_max, settings.stock_low_max, settings.stock_normal_max),
        stale_after=timedelta(minutes=settings.stale_after_minutes),
        demo=settings.demo,
    )


def _cache(settings: Settings) -> Cache:
    if settings.redis_url is None:
        return MemoryCache()
    return RedisCache(settings.redis_url.get_secret_value(), namespace=program_mark())


def program_mark(folder: Path = Path(__file__).parent) -> str:
    """The same for the same program wherever it runs, another after an update: answers of before are not its own."""
    mark = blake2b(version("micore").encode(), digest_size=6)
    for file in sorted(folder.rglob("*.py")):
        mark.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return mark.hexdigest()


def _read_generation(database: Database) -> int:
    with database.read() as connection:
        return current_generation(connection, STOCK)[0]


def _slots(env_file: Path | None) -> Mapping[str, SourceSlot]:
    """Every registered source, once for each account that the settings name: with its key where it has one, with the
    reason where it is left out."""
    slots: dict[str, SourceSlot] = {}
    keyed: dict[tuple[str, ...], str] = {}
    for name in slot_options(installed_source_options(), env_file=env_file):
        slots[name] = _slot(name, env_file, keyed)
    return slots


def _slot(name: str, env_file: Path | None, keyed: dict[tuple[str, ...], str]) -> SourceSlot:
    """`keyed` tells which keys earlier slots have: a key in two of them is refused in the later one."""
    kind = plugin_of(name)
    try:
        plugin: Any = load(SOURCES, kind)
        values, missing = source_options(name, plugin.options, env_file=env_file)
    except MicoreError as error:
        return SourceSlot(name, kind, (), None, str(error), plugin=kind)
    number = number_of(name)
    title = plugin.title if number == 1 else f"{plugin.title} {number}"
    needed = [option for option in plugin.options if option.required]
    settings = tuple(option_variables(name, option.name)[0] for option in needed)
    left_out = partial(SourceSlot, name, title, plugin.streams, None, plugin=kind, settings=settings)
    hide(values[option.name] for option in plugin.options if option.secret and option.name in values)
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        return left_out(f"{' and '.join(missing)} {verb} not set")
    first = keyed.setdefault((kind, *(values[option.name] for option in needed)), name) if needed else name
    if first != name:
        earlier = option_variables(first, needed[-1].name)[0]
        return left_out(f"{settings[-1]} is the key that {earlier} holds already; take one of the two away")

    return SourceSlot(
        name, title, plugin.streams, partial(made_source, name, values), None, plugin=kind, settings=settings
    )


def _tested_plugins(env_file: Path | None) -> dict[str, TestedPlugin]:
    """Every plug-in that can be loaded, with what its keys are made of."""
    found: dict[str, TestedPlugin] = {}
    for name, options in installed_source_options().items():
        if not options:
            continue
        plugin: Any = load(SOURCES, name)
        found[name] = TestedPlugin(
            name, plugin.title, options, hasattr(plugin, "key"), partial(_keyed_source, name, options, env_file)
        )
    return found


def _keyed_source(
    plugin: str,
    options: Sequence[Option],
    env_file: Path | None,
    slot: str | None,
    values: Mapping[str, str],
    tools: SourceTools,
) -> Source:
    """A source of the settings of a slot, or with a key that is only tried: its other settings are the first slot's."""
    in_force, _ = source_options(slot or plugin, options, env_file=env_file)
    return made_source(slot or plugin, {**in_force, **values}, tools)


def made_source(slot: str, values: Mapping[str, str], tools: SourceTools) -> Source:
    """The source of a slot; raises SettingsError by the names of that slot's settings for what it does not take."""
    kind = plugin_of(slot)
    try:
        made: Source = load(SOURCES, kind)(values, tools)
    except SettingsError as error:
        raise error.renamed(option_variables(kind, "")[0], option_variables(slot, "")[0]) from None
    return made
