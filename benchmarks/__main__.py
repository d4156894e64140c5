"""`python -m benchmarks`: runs the parts that are named, or all, and prints a line per figure."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import structlog

from benchmarks import backup, dashboard, demand, dlt_side, load, restoring, start, whole_sync
from benchmarks.measure import Figure
from benchmarks.report import line, write

PARTS: dict[str, Callable[..., Iterator[Figure]]] = {
    "load": load.run,
    "dashboard": dashboard.run,
    "start": start.run,
    "sync": whole_sync.run,
    "demand": demand.run,
    "restore": restoring.run,
    "backup": backup.run,
    "dlt": dlt_side.run,
}
ON_REQUEST = ("dlt",)
"""Brings packages of others, and so is measured only when it is named: `make bench-dlt`."""


def main() -> int:
    """Returns 1 when a goal is missed, so that a pipeline notices."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure the README's figures.")
    parser.add_argument("names", nargs="*", choices=[[], *PARTS], metavar="part", help=f"any of {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="a tenth of the size: shows that it works, no figures")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures here")
    asked = parser.parse_args()
    # A slow statement is what some parts are there to make.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    figures: list[Figure] = []
    for name in asked.names or [name for name in PARTS if name not in ON_REQUEST]:
        for figure in PARTS[name](quick=asked.quick):
            figures.append(figure)
            print(line(figure), flush=True)
            if asked.json is not None:
                write(asked.json, figures, quick=asked.quick)
    return 0 if all(figure.kept for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
