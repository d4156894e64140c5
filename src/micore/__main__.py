"""python -m micore."""

from __future__ import annotations

from micore.cli import main

if __name__ == "__main__":
    main()
