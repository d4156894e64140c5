"""Wildberries' reports that are asked for, waited for and downloaded: the three steps, whatever the report."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from typing import Generic, TypeVar

from micore.simulator.clock import SECOND_US
from micore.simulator.http import Answer, Request, json_answer
from micore.simulator.wildberries.view import View
from micore.simulator.wildberries.wire import refused_report, request_id

NEW_US = 20 * SECOND_US
READY_US = 180 * SECOND_US
"""Or as long as a report is known to take."""
LIFE_US = 2 * 3600 * SECOND_US

Wish = TypeVar("Wish")


@dataclass(frozen=True)
class Task(Generic[Wish]):
    """A report that was asked for, and what was wished."""

    asked_us: int
    ready_us: int
    """So long it takes."""
    wish: Wish


class Tasks(Generic[Wish]):
    """The reports of one kind asked for so far; without limits nobody waits for one either."""

    def __init__(self, *, limits: bool = True, ready_us: tuple[int, int] = (READY_US, READY_US)) -> None:
        """`ready_us`: how long a report takes at least and at most."""
        self._tasks: dict[str, Task[Wish]] = {}
        self._new_us, (self._least_us, self._most_us) = (NEW_US, ready_us) if limits else (0, (0, 0))

    def add(self, view: View, request: Request, wish: Wish) -> Answer:
        """Put a report into the queue and tell its id."""
        seed = f"{view.now_us} {len(self._tasks)} {request.path} {sorted(request.query.items())}".encode()
        drawn = hashlib.blake2b(seed, digest_size=16).digest()
        task_id = str(uuid.UUID(bytes=drawn, version=4))
        ready_us = self._least_us + int.from_bytes(drawn) % (self._most_us - self._least_us + 1)
        self._tasks[task_id] = Task(view.now_us, ready_us, wish)
        return json_answer({"data": {"taskId": task_id}})

    def status(self, view: View, request: Request) -> Answer:
        """GET .../tasks/{task_id}/status"""
        task_id, task = self._task(view, request)
        age = view.now_us - task.asked_us
        status = (
            "new"
            if age < self._new_us
            else "processing"
            if age < task.ready_us
            else "done"
            if age < LIFE_US
            else "purged"
        )
        return json_answer({"data": {"id": task_id, "status": status}})

    def ready(self, view: View, request: Request) -> Task[Wish]:
        """The task of a download; a report that is not there (yet, or any more) is not found."""
        task = self._task(view, request)[1]
        if not task.ready_us <= view.now_us - task.asked_us < LIFE_US:
            raise refused_report(404, "not found", request_id(request, view.now_us))
        return task

    def _task(self, view: View, request: Request) -> tuple[str, Task[Wish]]:
        task_id = request.path.split("/")[5]
        number = request_id(request, view.now_us)
        try:
            uuid.UUID(task_id)
        except ValueError:
            detail = f"Invalid format for parameter task_id: error unmarshaling '{task_id}' text as *uuid.UUID"
            raise refused_report(400, detail, number) from None
        task = self._tasks.get(task_id)
        if task is None:
            raise refused_report(404, "not found", number)
        return task_id, task
