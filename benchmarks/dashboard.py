"""The dashboard: its statements beside primary-key look-ups, at two sizes; its cached answer beside a hello-world."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

from sqlalchemy import Connection, Engine, event

from benchmarks.homes import HOMES, Home
from benchmarks.installation import Installation, installation
from benchmarks.made_up import MadeUpShop
from benchmarks.measure import Figure, median_ratio, process_cpu_seconds, taking_turns
from benchmarks.programs import program
from benchmarks.web_client import WebClient
from micore.services.dashboard import Dashboards
from micore.services.shop import Shop
from micore.storage import products
from tests.support.keeper import free_port

LOOK_UPS = 30
REPEATS = 40
ROUNDS = 15
REQUESTS = 4_000
WEB_ROUNDS = 9
PATH = "/api/v1/dashboard"


def run(*, quick: bool) -> Iterator[Figure]:
    """The figures of both databases, and of the HTTP server on each."""
    for at_home in HOMES:
        with at_home() as home, ExitStack() as stack:
            small = stack.enter_context(installation(home, MadeUpShop(1_000)))
            large = stack.enter_context(installation(home, MadeUpShop(10_000 if quick else 100_000)))
            small.sync()
            large.sync()
            yield from _database_part(home, small, large)
            yield from _answers(home, large, requests=REQUESTS // 4 if quick else REQUESTS)


# ----------------------------------------------------------------------------------------------- the database


def _database_part(home: Home, small: Installation, large: Installation) -> Iterator[Figure]:
    whole = Dashboards(large.database, Shop())
    with _replayed(small) as (small_dashboard, _), _replayed(large) as (dashboard, look_ups):
        costs = taking_turns(
            {
                "look-ups": _repeated(look_ups),
                "dashboard": _repeated(dashboard),
                "small": _repeated(small_dashboard),
                "whole": _repeated(whole.dashboard),
            },
            rounds=ROUNDS,
            clock=home.clock,
        )
    micros = {name: median(each) / REPEATS * 1e6 for name, each in costs.items()}
    yield Figure(
        "dashboard",
        f"{home.kind}: dashboard's statements, {large.shop.products:,} products",
        median_ratio(costs["dashboard"], costs["look-ups"]),
        "x",
        3.0,
        f"{micros['dashboard']:.0f} us beside {LOOK_UPS} look-ups of a row by its primary key "
        f"({micros['look-ups']:.0f} us), both by the driver and fetched whole; "
        f"{micros['whole']:.0f} us with the service around them; median of {ROUNDS}",
    )
    yield Figure(
        "dashboard",
        f"{home.kind}: dashboard at {large.shop.rows_in_all:,} rows of stock by {small.shop.rows_in_all:,}",
        median_ratio(costs["dashboard"], costs["small"]),
        "x",
        1.3,
        f"the same statements on both ({micros['small']:.0f} us on the small one); median of {ROUNDS}",
    )


@contextmanager
def _replayed(micore: Installation) -> Iterator[tuple[Callable[[], None], Callable[[], None]]]:
    """The dashboard's statements, and the look-ups, as the driver gets them: nothing of ours around them."""
    database = micore.database
    dashboards = Dashboards(database, Shop())
    shown = _statements(lambda _: dashboards.dashboard(), micore)
    step = micore.shop.products // LOOK_UPS
    keys = [-number * step for number in range(1, LOOK_UPS + 1)]
    looked_up = _statements(lambda connection: [products.summary(connection, key) for key in keys], micore)
    with database.read() as connection:
        cursor = database.dialect.raw(connection).cursor()

        def replay(statements: Sequence[tuple[str, Any]]) -> Callable[[], None]:
            def work() -> None:
                for statement, parameters in statements:
                    cursor.execute(statement, parameters).fetchall()

            return work

        yield replay(shown), replay(looked_up)
        cursor.close()


def _statements(work: Callable[[Connection], object], micore: Installation) -> list[tuple[str, Any]]:
    """Statements and parameters that a piece of reading sends."""
    sent: list[tuple[str, Any]] = []

    def note(_connection: Connection, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if not statement.startswith("BEGIN"):
            sent.append((statement, parameters))

    with micore.database.read() as connection:
        event.listen(Engine, "before_cursor_execute", note)
        try:
            work(connection)
        finally:
            event.remove(Engine, "before_cursor_execute", note)
    return sent


def _repeated(work: Callable[[], object]) -> Callable[[], None]:
    def repeated() -> None:
        for _ in range(REPEATS):
            work()

    return repeated


# ------------------------------------------------------------------------------------------------ the answers


def _answers(home: Home, micore: Installation, *, requests: int) -> Iterator[Figure]:
    """Server processor time of answers from the cache and of hello-worlds; the client's own is not in it."""
    environment = {
        "MICORE_HOME": str(home.folder / "served"),
        "MICORE_DATABASE_URL": micore.database.dialect.url.render_as_string(hide_password=False),
        "MICORE_SYNC_SCHEDULE": "off",
    }
    sample = home.folder / "dashboard.http"
    with ExitStack() as stack:

        def started(name: str, module: str, *arguments: str, path: str = "/") -> _Side:
            port = free_port()
            words = [str(port) if each == "PORT" else each for each in arguments]
            log = home.folder / f"{name}.log"
            process = stack.enter_context(program(module, words, environment=environment, log=log))
            return _Side(process.pid, stack.enter_context(WebClient(port, path)))

        sides = {"micore": started("micore", "micore", "serve", "--port", "PORT", path=PATH)}
        size = sample.write_bytes(sides["micore"].client.ask(1))
        sides["hello"] = started("hello", "benchmarks.hello", "PORT")
        sides["repeating"] = started("repeating", "benchmarks.hello", "PORT", str(sample))
        costs: dict[str, list[float]] = {name: [] for name in sides}
        for number in range(WEB_ROUNDS + 1):
            for name in list(sides)[:: 1 if number % 2 else -1]:
                cost = sides[name].cost(requests)
                if number:  # the first round warms up
                    costs[name].append(cost)
    micros = {name: median(each) * 1e6 for name, each in costs.items()}
    for control, what, goal in (
        # On PostgreSQL other processes may publish: each answer asks the database first whether it is still the newest.
        ("hello", "a hello-world", 1.2 if home.kind == "SQLite" else None),
        ("repeating", "a program that only repeats these bytes", None),
    ):
        yield Figure(
            "dashboard",
            f"{home.kind}: cached dashboard answer beside {what}, {micore.shop.products:,} products",
            median_ratio(costs["micore"], costs[control]),
            "x",
            goal,
            f"{micros['micore']:.0f} us of the server's CPU for {size:,} bytes beside {micros[control]:.0f} us, both "
            f"on uvicorn with uvloop and httptools, {requests:,} requests a round; median of {WEB_ROUNDS}",
        )


@dataclass(frozen=True, slots=True)
class _Side:
    """A server, and a client that asks it."""

    pid: int
    client: WebClient

    def cost(self, requests: int) -> float:
        """CPU seconds of the server for one request."""
        before = process_cpu_seconds(self.pid)
        self.client.ask(requests)
        return (process_cpu_seconds(self.pid) - before) / requests
