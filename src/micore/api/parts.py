"""What the API needs of the rest, ready-made: the composition root fills it in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

from micore.cache import Cache
from micore.domain.run_views import Run, RunPage, SyncOverview
from micore.domain.views import Meta
from micore.services.backfills import Backfills
from micore.services.backup_desk import BackupDesk
from micore.services.dashboard import Dashboards
from micore.services.explain import Explanations
from micore.services.health import Health
from micore.services.key_tests import KeyTests
from micore.services.live import Live
from micore.services.products import Products
from micore.services.quarantine import Quarantine
from micore.services.reconciliations import Reconciliations

P = ParamSpec("P")
T = TypeVar("T")

WORKER_THREADS = 6


class SyncDesk(Protocol):
    """Starting, stopping and watching syncs; services/sync.py does it."""

    def overview(self) -> SyncOverview:
        """The registered sources and what is running."""
        ...

    def request(self, *, source: str | None, streams: Sequence[str] | None, full: bool) -> list[Run]:
        """Queue a run per configured account; one that is queued or running already is returned as it is.

        Raises InvalidRequestError for an unknown source or stream, ConflictError when none is configured.
        """
        ...

    def stop(self, run_id: int) -> Run:
        """Ask a run to stop. Raises NotFoundError, and RunEndedError for one that is over."""
        ...

    def run(self, run_id: int) -> Run:
        """One run. Raises NotFoundError."""
        ...

    def runs(self, *, limit: int, cursor: str | None, source: str | None, findings: bool) -> RunPage:
        """Runs, newest first; with `findings` only those that say something. Raises InvalidRequestError."""
        ...


@dataclass(frozen=True)
class Parts:
    """The ready parts behind the routes. Services are synchronous; `call` runs them on a few threads."""

    meta: Callable[[], Meta]
    dashboards: Dashboards
    products: Products
    explanations: Explanations
    health: Health
    sync: SyncDesk
    backfills: Backfills
    reconciliations: Reconciliations
    quarantine: Quarantine
    live: Live
    cache: Cache
    key_tests: KeyTests
    backups: BackupDesk
    web: Path | None = None
    """Folder of the built web app; None when it has not been built."""
    threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(WORKER_THREADS, thread_name_prefix="api")
    )

    async def call(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a synchronous service call without holding up the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, partial(work, *args, **kwargs))
