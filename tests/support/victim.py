"""Syncs that are killed: a small program that forks a fresh process for each, and kills it when it is told to.

Forked from a program that has loaded everything but holds no connection and no thread, a process costs some ten
milliseconds instead of a second. It reads tasks, a JSON line each, and answers each with what became of it.

    python -m tests.support.victim SOURCE URL-OF-THE-MARKETPLACE DATABASE-URL ROOT
"""

from __future__ import annotations

import functools
import json
import logging
import mmap
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpcore2
import openpyxl
import structlog
from sqlalchemy import event

from micore import plugins
from micore.domain.records import RejectedRow
from micore.domain.run_views import RunState
from micore.services import loading
from micore.services.sync_work import SyncWork
from micore.sources.base import Page
from micore.sources.http import ApiClient
from micore.storage.database import Database
from micore.storage.raw import RawStore
from micore.storage.transaction_log import TransactionLog
from tests.support.real_sync import Addresses, installed

LOADED_WHEN_FIRST_NEEDED = (httpcore2, openpyxl)
"""A sync would load them; here they stand ready in every process."""
PHASES = (
    "starting", "between", "asking", "writing rows", "keeping raw", "publishing", "committing", "committed", "logging"
)  # fmt: skip
STARTING, BETWEEN, ASKING, WRITING, KEEPING, PUBLISHING, COMMITTING, COMMITTED, LOGGING = range(len(PHASES))
AHEAD_SECONDS = 0.0003
LOOK_SECONDS = 0.0005
LONGEST_SECONDS = 600.0


class Board:
    """Where a process chalks up what it is doing; outlives it."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 3)

    @property
    def phase(self) -> int:
        """What was chalked up last."""
        return self._memory[0]

    @phase.setter
    def phase(self, phase: int) -> None:
        self._memory[0] = phase

    @property
    def commits(self) -> int:
        """How many have been begun."""
        return int.from_bytes(self._memory[1:3], "little")

    @commits.setter
    def commits(self, commits: int) -> None:
        self._memory[1:3] = commits.to_bytes(2, "little")

    @contextmanager
    def at(self, phase: int) -> Iterator[None]:
        """Chalk up a phase while the block runs."""
        before, self.phase = self.phase, phase
        try:
            yield
        finally:
            self.phase = before

    def watch(self, owner: type, name: str, phase: int) -> None:
        """Chalk up a phase whenever this method runs."""
        method = getattr(owner, name)

        @functools.wraps(method)
        def watched(*arguments: Any, **named: Any) -> Any:
            with self.at(phase):
                return method(*arguments, **named)

        setattr(owner, name, watched)


def main() -> None:
    source, market_url, database_url, root = sys.argv[1:]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    plugins.load(plugins.SOURCES, source)
    board = Board()
    board.watch(ApiClient, "_exchange", ASKING)
    board.watch(RawStore, "append", KEEPING)
    board.watch(RawStore, "sync", KEEPING)
    board.watch(SyncWork, "publish", PUBLISHING)
    board.watch(TransactionLog, "append", LOGGING)
    _reject_a_row_of_each_page()
    # What dies is reaped by us, when we say so.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    for number, line in enumerate(sys.stdin):
        task = json.loads(line)
        board.phase, board.commits = STARTING, 0
        began = time.monotonic()
        pid = os.fork()
        if pid == 0:
            _be_a_process(
                functools.partial(_sync, board, source, Addresses(market_url, market_url), database_url, Path(root)),
                {**task, "owner": f"victim-{number}"},
            )
        status, cpu_seconds = _watched_over(pid, board, task)
        answer = {
            "killed": os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL,
            "code": os.waitstatus_to_exitcode(status),
            "phase": PHASES[board.phase],
            "whole": {"cpu": cpu_seconds, "wall": time.monotonic() - began, "commit": board.commits},
        }
        print(json.dumps(answer), flush=True)


def _be_a_process(work: Callable[[dict[str, Any]], int], task: dict[str, Any]) -> None:
    code = 1
    try:
        code = work(task)
    except BaseException:  # noqa: BLE001 - the last thing a forked process does
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _sync(board: Board, source: str, market: Addresses, url: str, root: Path, task: dict[str, Any]) -> int:
    """0: the run is done; 3: it was given up after too many deaths."""
    _watch_transactions(board, *task.get("kill_at_commit", (0, False)))
    now = datetime.fromisoformat(task["now"])
    with installed(market, source, url, root, now=lambda: now, owner=task["owner"], log=root / "log") as micore:
        micore.service.recover()
        board.phase = BETWEEN
        run = micore.sync(full=bool(task.get("full")))
        if run.state in (RunState.GAPS, RunState.DONE):
            return 0
        print(f"run {run.id} ended {run.state}: {run.message}", file=sys.stderr)
        return 3


def _watch_transactions(board: Board, fatal: int, afterwards: bool) -> None:
    """Chalk up each writing transaction and its commit; die at the one that is fatal, right before or after it."""
    write = Database.write

    def die(commit: int) -> None:
        if board.commits == commit:
            os.kill(os.getpid(), signal.SIGKILL)

    def committing(_connection: Any) -> None:
        board.phase, board.commits = COMMITTING, board.commits + 1
        die(0 if afterwards else fatal)

    @contextmanager
    def watched(database: Database) -> Iterator[Any]:
        with board.at(WRITING):
            with write(database) as connection:
                event.listen(connection, "commit", committing, once=True)
                yield connection
            board.phase = COMMITTED
            die(fatal if afterwards else 0)

    Database.write = watched  # type: ignore[method-assign, assignment]


def _reject_a_row_of_each_page() -> None:
    """Give each page with records a row that cannot be believed, so that quarantine has something to double."""
    steps = loading.steps

    def spoilt(pages: Iterator[Page], monotonic: Callable[[], float]) -> Iterator[list[Page]]:
        return steps(map(_spoilt, pages), monotonic)

    loading.steps = spoilt


def _spoilt(page: Page) -> Page:
    if not page.records:
        return page
    bad = RejectedRow(f"bad {repr(page.records[0])[:60]}", "made bad by the test", b"{}")
    return replace(page, rejected=[*page.rejected, bad])


def _watched_over(pid: int, board: Board, task: dict[str, Any]) -> tuple[int, float]:
    """Wait for the end of a process, or make it: after so much of its processor time, or of real time, from when it
    has begun to work."""
    while board.phase == STARTING and os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        time.sleep(LOOK_SECONDS)
    cpu_clock = (~pid << 3) | 2  # CLOCK_PROCESS_CPUTIME_ID of another process, as the kernel numbers it
    began, began_cpu = time.monotonic(), _cpu_seconds(cpu_clock)
    until: float = task.get("kill_after_seconds", float("inf"))
    left = min(until, LONGEST_SECONDS)
    while left > AHEAD_SECONDS:
        # Processor time never runs faster than the clock on the wall: so much may be slept through.
        if signal.sigtimedwait([signal.SIGCHLD], left) is not None:
            break
        by_cpu = task.get("kill_by") == "cpu"
        left = until - (_cpu_seconds(cpu_clock) - began_cpu if by_cpu else time.monotonic() - began)
    else:
        os.kill(pid, signal.SIGKILL)
    _, status, usage = os.wait4(pid, 0)
    while signal.sigtimedwait([signal.SIGCHLD], 0) is not None:
        pass
    return status, usage.ru_utime + usage.ru_stime


def _cpu_seconds(cpu_clock: int) -> float:
    """Of a process; more than any where it has ended this very moment."""
    try:
        return time.clock_gettime(cpu_clock)
    except OSError:
        return float("inf")


if __name__ == "__main__":
    main()
