"""What becomes of figures: a line on the terminal, `benchmarks/results.json`, the table in the README.

python -m benchmarks.report        writes the table of results.json between the markers of README.md
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.measure import Figure, machine

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results.json"
BEGIN, END = "<!-- benchmarks -->", "<!-- /benchmarks -->"


def line(figure: Figure) -> str:
    """A figure for the terminal."""
    goal = "" if figure.goal is None else f"  (at most {shown(figure.goal, figure.unit)})"
    missed = "" if figure.kept else "  MISSED"
    return f"{figure.what}: {shown(figure.value, figure.unit)}{goal}{missed}\n    {figure.how}"


def shown(value: float, unit: str) -> str:
    """A value with its unit, three digits."""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f} {unit}"


def write(file: Path, figures: Sequence[Figure], *, quick: bool) -> None:
    """Keep the figures with the machine and the hour they are of. Parts that were not run keep what they had, unless
    that was of another size."""
    hour = datetime.now(UTC).isoformat(timespec="minutes")
    now = [{**asdict(figure), "measured_at": hour} for figure in figures]
    parts = {figure.benchmark for figure in figures}
    earlier: dict[str, Any] = (
        json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"quick": quick, "figures": []}
    )
    stay = [each for each in earlier["figures"] if each["benchmark"] not in parts] if earlier["quick"] == quick else []
    kept = {"quick": quick, "machine": machine(), "figures": stay + now}
    file.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def table(kept: dict[str, Any]) -> str:
    """The README's table, with what it was measured on."""
    days = {each["measured_at"][:10] for each in kept["figures"]}
    figures = [Figure(**{key: each[key] for key in each if key != "measured_at"}) for each in kept["figures"]]
    on = kept["machine"]
    rows = [
        f"| {each.what} | {shown(each.value, each.unit)} | {'' if each.goal is None else shown(each.goal, each.unit)} |"
        for each in figures
    ]
    measured = (
        f"Measured {' and '.join(sorted(days))} on {on['cores']} cores of {on['processor']}, {on['memory']}, "
        f"Python {on['python']}; load average {on['load']}."
    )
    return "\n".join(
        [
            "| what | measured | at most |",
            "|---|---|---|",
            *rows,
            "",
            measured,
        ]
    )


def main() -> int:
    """Put the table into the README; returns 1 where its markers are missing."""
    readme = ROOT / "README.md"
    content = readme.read_text(encoding="utf-8")
    if BEGIN not in content or END not in content:
        print(f"README.md lacks the markers {BEGIN} and {END}.", file=sys.stderr)
        return 1
    before, _, rest = content.partition(BEGIN)
    _, _, after = rest.partition(END)
    kept = json.loads(RESULTS.read_text(encoding="utf-8"))
    readme.write_text(f"{before}{BEGIN}\n{table(kept)}\n{END}{after}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
