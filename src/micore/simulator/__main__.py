"""`python -m micore.simulator`: the same as `micore simulator`, without the rest of micore."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from micore.simulator.command import Options, run, say_to_stdout


def main(arguments: list[str] | None = None) -> int:
    """Parse the arguments and serve; the process's exit status."""
    usual = Options()
    parser = argparse.ArgumentParser(prog="micore.simulator", description="Ozon and Wildberries with a living shop.")
    parser.add_argument("--ozon-port", type=int, default=usual.ozon_port)
    parser.add_argument("--wildberries-port", type=int, default=usual.wildberries_port)
    parser.add_argument("--host", default=usual.host)
    parser.add_argument("--seed", type=int, default=usual.seed)
    parser.add_argument("--products", type=int, default=usual.products)
    parser.add_argument("--days", type=int, default=usual.days)
    parser.add_argument("--today", help="last day of the history; default: Moscow's date at the first start")
    parser.add_argument("--clock", help="where the virtual clock starts, e.g. 2026-11-20T09:00:00Z; default: now")
    parser.add_argument("--frozen", action="store_true", help="the clock does not tick by itself")
    parser.add_argument("--no-limits", dest="limits", action="store_false", help="switch the request limits off")
    parser.add_argument(
        "--fault", dest="faults", action="append", default=[], metavar="kind[:argument][@path-part][xCOUNT or %%SHARE]",
        help="a fault on request, e.g. 429:30@ozon; may be given several times",
    )  # fmt: skip
    parser.add_argument(
        "--ban", dest="ban_seconds", type=float, default=0, help="seconds of 429 for who is refused 10 times a minute"
    )
    parser.add_argument("--state", type=Path, help="folder that keeps the shop's arguments between starts")
    parser.add_argument("--end-with-parent", action="store_true", help="end when standard input ends")
    given = parser.parse_args(arguments)
    try:
        run(Options(**{**vars(given), "faults": tuple(given.faults)}), say_to_stdout)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"simulator: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
