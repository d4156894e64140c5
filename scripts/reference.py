"""Writes docs/reference/openapi.json from the routes; --check says whether it is up to date."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from micore.api.app import create_routes

TARGET = Path(__file__).resolve().parents[1] / "docs" / "reference" / "openapi.json"


def main() -> int:
    document = json.dumps(create_routes(None).openapi(), indent=2, ensure_ascii=False) + "\n"
    if "--check" in sys.argv[1:]:
        if not TARGET.exists() or TARGET.read_text() != document:
            print(f"{TARGET.name} is not what the routes say: run `python scripts/reference.py`.")
            return 1
        return 0
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(document)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
