"""A look that is shared: never older than the question, and few looks for many askers."""

from __future__ import annotations

import asyncio

from micore.api.shared import SharedLook


class World:
    """A number that grows, and a look at it that takes its time."""

    def __init__(self) -> None:
        self.number = 0
        self.looks = 0
        self.let_go = asyncio.Event()
        self.fails = False

    async def look(self) -> int:
        self.looks += 1
        seen = self.number
        await self.let_go.wait()
        if self.fails:
            raise RuntimeError("no answer")
        return seen


async def under_way() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_who_asks_during_a_look_gets_one_that_began_later() -> None:
    async def story() -> None:
        world = World()
        shared = SharedLook(world.look)
        first = asyncio.create_task(shared())
        await under_way()
        world.number = 1
        later = [asyncio.create_task(shared()) for _ in range(20)]
        await under_way()
        assert world.looks == 1
        world.let_go.set()
        assert await first == 0
        assert await asyncio.gather(*later) == [1] * 20
        assert world.looks == 2

    asyncio.run(story())


def test_an_asker_who_goes_away_takes_it_from_nobody() -> None:
    async def story() -> None:
        world = World()
        shared = SharedLook(world.look)
        impatient, patient = asyncio.create_task(shared()), asyncio.create_task(shared())
        await under_way()
        impatient.cancel()
        world.let_go.set()
        assert await patient == 0
        assert (await shared(), world.looks) == (0, 2)

    asyncio.run(story())


def test_a_look_that_fails_fails_for_those_who_share_it_only() -> None:
    async def story() -> None:
        world = World()
        world.fails = True
        world.let_go.set()
        shared = SharedLook(world.look)
        for error in await asyncio.gather(shared(), shared(), return_exceptions=True):
            assert isinstance(error, RuntimeError)
        world.fails = False
        assert await shared() == 0

    asyncio.run(story())
