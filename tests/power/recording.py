"""Records what a child process asks of its disk: builds the recorder once, runs tests/power/living.py under it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from tests.power.cutting import Record, lying_in, read_journal
from tests.support.programs import compiler
from tests.support.servers import RUN_DIR_VARIABLE

SOURCE = Path(__file__).with_name("recorder.c")
LONGEST_SECONDS = 300


@dataclass(frozen=True)
class Recording:
    """What lay on the disk before, and all that was asked of it since."""

    home: Path
    """Where it took place. Free again: what a cut leaves belongs there, as files may name each other by their paths."""
    lived: Path
    """What the living process left, somewhere else."""
    baseline: dict[int, tuple[str, bytes | None]]
    journal: list[Record]


def recorder() -> Path:
    """The library, built once in this test run. Raises ProgramMissingError without a compiler."""
    folder = Path(os.environ[RUN_DIR_VARIABLE])
    library = folder / "recorder.so"
    with FileLock(folder / "recorder.lock"):
        if not library.exists():
            made = library.with_suffix(".new")
            command = [str(compiler()), "-O2", "-Wall", "-fPIC", "-shared", "-o", str(made), str(SOURCE)]
            subprocess.run([*command, "-ldl", "-lpthread"], check=True)
            made.replace(library)
    return library


def failing(root: Path, faults: Path) -> dict[str, str]:
    """What a process needs in its environment so that its calls below `root` fail as `faults` says; see recorder.c."""
    told = {"LD_PRELOAD": str(recorder()), "POWER_ROOT": str(root), "POWER_JOURNAL": os.devnull}
    return {**told, "POWER_FAULTS": str(faults)}


def record(task: str, home: Path, **told: Any) -> Recording:
    """Run a task of living.py in `home` to its end. What lies there before counts as durable."""
    beside = home.with_name(f"{home.name}-recorded")
    beside.mkdir()
    baseline = lying_in(home)
    environment = {
        **os.environ,
        "LD_PRELOAD": str(recorder()),
        "POWER_ROOT": str(home),
        "POWER_JOURNAL": str(beside / "journal"),
        "POWER_ACKS": str(beside / "acks"),
        "POWER_FAULTS": str(told.get("faults", "")),
    }
    command = [sys.executable, "-m", "tests.power.living", task, str(home), json.dumps(told)]
    ended = subprocess.run(
        command,
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST_SECONDS,
    )
    if ended.returncode != 0:
        raise RuntimeError(f"{task} ended with {ended.returncode}: {ended.stdout}{ended.stderr}")
    journal = read_journal(beside / "journal")
    shutil.rmtree(beside)
    lived = home.rename(home.with_name(f"{home.name}-lived"))
    return Recording(home, lived, baseline, journal)
