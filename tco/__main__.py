"""Starts the command, as ``tco`` or ``python -m tco``: Ctrl-C is quiet from the first import on."""

from __future__ import annotations

import sys

INTERRUPTED = 130


def main() -> None:
    """Load the command line and run it."""
    try:
        from tco.cli import main as run  # noqa: PLC0415 - loading takes long enough to interrupt
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    run()


if __name__ == "__main__":
    main()
