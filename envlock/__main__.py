"""`python -m envlock`, and the command `envlock`."""

from __future__ import annotations

import sys

from envlock.cli import main

__all__ = ["run"]


def run() -> None:
    """Exit with what the command line gives."""
    sys.exit(main())


if __name__ == "__main__":
    run()
