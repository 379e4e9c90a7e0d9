"""`python -m envlock`, and the command `envlock`."""

from __future__ import annotations

import gc
import sys

__all__ = ["run"]


def run() -> None:
    """Exit with what the command line gives; it ends before there is anything worth collecting."""
    gc.disable()
    from envlock.cli import main

    sys.exit(main())


if __name__ == "__main__":
    run()
