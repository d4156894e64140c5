"""Reads a small drop folder, then a large one, and prints how many records that has and by how many bytes it made the
process grow.

    python -m tests.support.folder_peak FOLDER-OF-BOTH STREAM
"""

from __future__ import annotations

import resource
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from micore.sources.base import SourceTools
from micore.sources.files import FilesSource


def main() -> None:
    root, stream = Path(sys.argv[1]), sys.argv[2]
    _records(root / "small", stream)
    before = _peak_bytes()
    print(_records(root / "large", stream), _peak_bytes() - before)


def _records(folder: Path, stream: str) -> int:
    tools = SourceTools(now=lambda: datetime.now(UTC), monotonic=time.monotonic, sleep=lambda seconds: None)
    source = FilesSource({"folder": str(folder), "rest_seconds": "0"}, tools)
    return sum(len(page.records) for page in source.read(stream, None))


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
