"""One look for all who wait: those who ask while a look is under way share the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class SharedLook(Generic[T]):
    """A look that costs something, made once for everybody who asked before it began.

    Nobody is given what was seen before they asked, so an answer is never older than the question. Of one event loop.
    """

    def __init__(self, look: Callable[[], Awaitable[T]]) -> None:
        self._look = look
        self._running: asyncio.Task[T] | None = None
        self._waiting: asyncio.Task[T] | None = None

    async def __call__(self) -> T:
        """What a look finds that begins from now on; its errors go to all who share it."""
        if self._waiting is None:
            self._waiting = asyncio.create_task(self._after(self._running))
        # An asker may go away without taking the look from the others.
        return await asyncio.shield(self._waiting)

    async def _after(self, before: asyncio.Task[T] | None) -> T:
        if before is not None:
            await asyncio.wait([before])
        self._running, self._waiting = self._waiting, None
        return await self._look()
