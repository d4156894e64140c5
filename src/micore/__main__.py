"""python -m micore."""

from micore.cli import main

if __name__ == "__main__":
    main()
