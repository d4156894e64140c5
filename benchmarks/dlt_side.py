"""Loading by micore and by dlt: the same answers of one simulated marketplace into the same kind of database.

dlt is no dependency of ours: `make bench-dlt` makes an environment of its own for it in `.cache/bench-dlt`.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from sqlalchemy import create_engine, text

from benchmarks.homes import HOMES, Home
from benchmarks.measure import Figure
from benchmarks.programs import own_environment, program
from tests.support.keeper import free_port

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / ".cache" / "bench-dlt"
PACKAGES = ROOT / "benchmarks" / "dlt_packages.txt"
CLIENT = ROOT / "benchmarks" / "dlt_client.py"
MODES = ("ordinary", "arrow")
STREAMS = ("catalogue", "stock", "orders")
DAYS = 30
LATER_SECONDS = 6 * 3600
"""By then about one row of a hundred is another; the line says how many were."""
PATIENCE_SECONDS = 1800
TABLE_OF = {
    "/v3/product/info/list": "cards",
    "/v1/analytics/stocks": "stock",
    "/v1/product/info/warehouse/stocks": "stock",
    "/v3/posting/fbo/list": "lines",
    "/v4/posting/fbs/list": "lines",
}
OURS = {
    "cards": "SELECT external_id, offer_id, name FROM listing",
    "stock": "SELECT k.external_id, p.external_id, t.available / 1000 FROM stock t"
    " JOIN sku k ON k.id = t.sku_id JOIN place p ON p.id = t.place_id",
    "lines": "SELECT t.order_id, k.external_id, t.quantity / 1000 FROM order_line t JOIN sku k ON k.id = t.sku_id",
}
THEIRS = {
    "cards": "SELECT product_id, offer_id, name FROM {}cards",
    "stock": "SELECT sku, warehouse_id, available FROM {}stock",
    "lines": "SELECT posting_number, sku, quantity FROM {}lines",
}
GOALS = {("first load", "ordinary"): 1 / 5, ("first load", "arrow"): 1 / 2, ("increment", "ordinary"): 1 / 3}


def run(*, quick: bool) -> Iterator[Figure]:
    """The figures of both databases."""
    python = _environment()
    for at_home in HOMES:
        with at_home() as home, _simulator(home.folder, 1_000 if quick else 10_000) as market:
            ours = _Micore(home, market)
            sides = {"micore": ours, **{mode: _Dlt(home, market, mode, python, ours) for mode in MODES}}
            first = {name: side.load() for name, side in sides.items()}
            rows = _same_rows(sides)
            before = ours.versions()
            _advance(market, LATER_SECONDS)
            again = {name: side.load() for name, side in sides.items()}
            changed = ours.versions() - before
            _same_rows(sides)
            yield from _figures(
                home, "first load", first, f"{rows:,} rows, the same in all three by count and checksum"
            )
            yield from _figures(
                home, "increment", again, f"{changed:,} of {rows:,} rows differ, {LATER_SECONDS // 3600} h later"
            )


def _figures(home: Home, what: str, costs: Mapping[str, _Cost], about: str) -> Iterator[Figure]:
    ours = costs["micore"]
    for mode in MODES:
        other = costs[mode]
        yield Figure(
            "dlt",
            f"{home.kind}: {what} beside dlt, {mode}",
            ours.cpu_seconds / other.cpu_seconds,
            "x",
            GOALS.get((what, mode)),
            f"CPU of the loading process: {ours.cpu_seconds:.1f} s by {other.cpu_seconds:.1f} s; {about}; "
            f"wall {ours.seconds:.0f} s by {other.seconds:.0f} s, memory {ours.peak_bytes / 2**20:.0f} MB by "
            f"{other.peak_bytes / 2**20:.0f} MB"
            + (
                f", CPU of the server {ours.server_seconds:.1f} s by {other.server_seconds:.1f} s"
                if home.kind == "PostgreSQL"
                else ""
            ),
        )


@dataclass(frozen=True, slots=True)
class _Cost:
    """Of one process, its start included."""

    cpu_seconds: float
    seconds: float
    peak_bytes: int
    server_seconds: float


class _Side:
    """One loader with a database of its own."""

    queries: Mapping[str, str]

    def __init__(self, home: Home, name: str, url: str) -> None:
        self._home, self._name, self.url = home, name, url

    def load(self) -> _Cost:
        raise NotImplementedError

    def rows(self, table: str) -> tuple[int, str]:
        """How many there are, and a checksum over what each says."""
        with _engine(self.url).connect() as connection:
            found = sorted("\t".join(map(str, row)) for row in connection.execute(text(self.queries[table])))
        return len(found), sha256("\n".join(found).encode()).hexdigest()

    def _measured(self, command: Sequence[str], environment: Mapping[str, str]) -> _Cost:
        log = self._home.folder / f"{self._name}.log"
        server = _server_seconds(self.url)
        began = time.monotonic()
        with log.open("ab") as output:
            process = subprocess.Popen(
                command, env={**own_environment(), **environment}, cwd=self._home.folder, stdout=output, stderr=output
            )
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise RuntimeError(f"{self._name} did not come through:\n{log.read_text(errors='replace')[-3000:]}")
        seconds = time.monotonic() - began
        cpu = usage.ru_utime + usage.ru_stime
        return _Cost(cpu, seconds, usage.ru_maxrss * 1024, _server_seconds(self.url) - server)


class _Micore(_Side):
    """`micore sync` as a user types it."""

    queries = OURS

    def __init__(self, home: Home, market: int) -> None:
        super().__init__(home, "micore", home.new_url())
        self._environment = {
            "MICORE_HOME": str(home.folder / "micore"),
            "MICORE_DATABASE_URL": self.url,
            "MICORE_OZON_CLIENT_ID": "1000001",
            "MICORE_OZON_API_KEY": "benchmark",
            "MICORE_OZON_BASE_URL": f"http://127.0.0.1:{market}",
            "MICORE_OZON_HISTORY_DAYS": str(DAYS),
        }

    def load(self) -> _Cost:
        streams = [word for stream in STREAMS for word in ("--stream", stream)]
        return self._measured([sys.executable, "-m", "micore", "sync", *streams], self._environment)

    def requests(self) -> list[dict[str, str]]:
        """What the last sync asked, in order."""
        last = "SELECT endpoint, request FROM raw_page WHERE run_id = (SELECT max(id) FROM run) ORDER BY id"
        with _engine(self.url).connect() as connection:
            asked = [(endpoint.split()[1], body) for endpoint, body in connection.execute(text(last))]
        return [{"table": TABLE_OF[path], "path": path, "body": body} for path, body in asked if path in TABLE_OF]

    def versions(self) -> int:
        """Of all that the three streams tell: every change adds one."""
        count = "SELECT (SELECT count(*) FROM demand_event) + (SELECT count(*) FROM stock_history)"
        with _engine(self.url).connect() as connection:
            return int(connection.execute(text(count)).scalar_one())


class _Dlt(_Side):
    """The same requests, loaded by dlt."""

    def __init__(self, home: Home, market: int, mode: str, python: Path, recorded: _Micore) -> None:
        super().__init__(home, f"dlt-{mode}", home.new_url())
        self._market, self._mode, self._python, self._recorded = market, mode, python, recorded
        schema = "loaded." if home.kind == "PostgreSQL" else ""
        self.queries = {table: query.format(schema) for table, query in THEIRS.items()}

    def load(self) -> _Cost:
        folder = self._home.folder / self._name
        folder.mkdir(exist_ok=True)
        requests = folder / "requests.jsonl"
        requests.write_text("".join(json.dumps(each) + "\n" for each in self._recorded.requests()))
        market = f"http://127.0.0.1:{self._market}"
        command = [str(self._python), str(CLIENT), self._mode, self.url, market, str(requests), str(folder)]
        # The server asks for no password, but dlt does.
        password = {"DESTINATION__POSTGRES__CREDENTIALS__PASSWORD": "none"}
        return self._measured(command, {"DLT_DATA_DIR": str(folder), "HOME": str(folder), **password})


def _same_rows(sides: Mapping[str, _Side]) -> int:
    """How many rows there are. Raises RuntimeError where the sides hold other ones."""
    rows = 0
    for table in OURS:
        found = {name: side.rows(table) for name, side in sides.items()}
        if len(set(found.values())) != 1:
            raise RuntimeError(f"The sides hold different {table}: {found}")
        rows += found["micore"][0]
    return rows


def _engine(url: str):  # type: ignore[no-untyped-def]
    return create_engine(url.replace("postgresql://", "postgresql+psycopg://"))


def _server_seconds(url: str) -> float:
    """CPU of PostgreSQL's processes that have ended: those of our clients among them. 0 without a server."""
    if not url.startswith("postgresql"):
        return 0.0
    with _engine(url).connect() as connection:
        backend = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    postmaster = int(Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()[1])
    fields = Path(f"/proc/{postmaster}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def _environment() -> Path:
    """The Python that has dlt, made where it is not there yet or of other packages."""
    made, python = ENVIRONMENT / "packages.txt", ENVIRONMENT / "bin" / "python"
    if not made.exists() or made.read_text() != PACKAGES.read_text():
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, ENVIRONMENT], check=True)
        install = [
            str(uv),
            "pip",
            "install",
            "--quiet",
            "--compile-bytecode",
            "--python",
            str(python),
            "-r",
            str(PACKAGES),
        ]
        subprocess.run(install, check=True)
        made.write_text(PACKAGES.read_text())
    return python


@contextmanager
def _simulator(folder: Path, products: int) -> Iterator[int]:
    """The port of a simulated Ozon whose clock stands still."""
    port = free_port()
    arguments = [
        *("simulator", "--ozon-port", str(port), "--wildberries-port", "0", "--no-limits"),
        *("--products", str(products), "--days", str(DAYS), "--today", "2026-11-20"),
        *("--clock", "2026-11-20T09:00:00Z", "--frozen"),
    ]
    log = folder / "simulator.log"
    with program("micore", arguments, environment={}, log=log) as simulator:
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                _advance(port, 0)
                break
            except OSError:
                if simulator.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"The simulator did not start:\n{log.read_text()[-2000:]}") from None
                time.sleep(0.2)
        yield port


def _advance(port: int, seconds: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", "/simulator/clock", json.dumps({"advance_seconds": seconds}))
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"The simulator's clock could not be moved: {said[:200]!r}")
    finally:
        connection.close()
