"""The ``tco`` command; ``main`` is the door."""

from tco.cli.main import main

__all__ = ["main"]
