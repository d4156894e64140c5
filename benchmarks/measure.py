"""Processor time and memory of processes, rounds that take turns, and the figures that come of them."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_NANO = 1e-9


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    benchmark: str
    """Which part of `python -m benchmarks` it comes from."""
    what: str
    value: float
    unit: str
    """ "x" for a ratio; "s", "kB", "MB", "rows", "us" for what has no control."""
    goal: float | None
    """The most it may be; None where nothing is promised."""
    how: str
    """Both sides of the ratio, and over how many rounds."""

    @property
    def kept(self) -> bool:
        """Whether the goal is kept; true where there is none."""
        return self.goal is None or self.value <= self.goal


def process_cpu_seconds(pid: int) -> float:
    """Processor time of all living threads of a process, to the nanosecond."""
    nanoseconds = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        try:
            nanoseconds += int((thread / "schedstat").read_text().split()[0])
        except FileNotFoundError:  # the thread ended meanwhile
            continue
    return nanoseconds * _NANO


def whole_cpu_seconds(pid: int) -> float:
    """Processor time of a process since its start, of threads that have ended too; to a hundredth of a second."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    """Memory of a process that is in RAM now."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES


def peak_resident_bytes(pid: int) -> int:
    """The most memory a process has had in RAM so far."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/{pid}/status has no VmHWM line; benchmarks need Linux.")


def children(pid: int) -> list[int]:
    """Processes that a process started, of every one of its threads."""
    found: list[int] = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        found += [int(word) for word in (thread / "children").read_text().split()]
    return found


class CpuClock:
    """Processor time of this process and of the processes that work for it, all in user and kernel."""

    def __init__(self, others: Callable[[], Iterable[int]] = lambda: ()) -> None:
        self._others = others

    def __call__(self) -> float:
        return time.process_time() + sum(process_cpu_seconds(pid) for pid in self._others())

    def of(self, work: Callable[[], object]) -> float:
        """What one piece of work costs, seconds."""
        before = self()
        work()
        return self() - before


def taking_turns(
    sides: Mapping[str, Callable[[], object]], *, rounds: int, clock: CpuClock | None = None
) -> dict[str, list[float]]:
    """CPU seconds of each side in each round. Sides take turns, so that a busy machine slows all of them alike."""
    clock = clock or CpuClock()
    for work in sides.values():
        work()
    found: dict[str, list[float]] = {name: [] for name in sides}
    names = list(sides)
    for number in range(rounds):
        # Nobody always goes first.
        for name in names[number % len(names) :] + names[: number % len(names)]:
            found[name].append(clock.of(sides[name]))
    return found


def median_ratio(subject: Iterable[float], control: Iterable[float]) -> float:
    """Median over the rounds of subject by control."""
    return median(one / other for one, other in zip(subject, control, strict=True))


def machine() -> dict[str, str]:
    """What the figures were measured on."""
    return {
        "processor": _first("/proc/cpuinfo", "model name"),
        "cores": str(os.cpu_count()),
        "memory": f"{int(_first('/proc/meminfo', 'MemTotal').split()[0]) / 1024**2:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load": " ".join(f"{load:.1f}" for load in os.getloadavg()),
    }


def _first(file: str, key: str) -> str:
    for line in Path(file).read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return "unknown"
