"""A fault of ours: people read a reference, and the log holds the rest under it."""

from __future__ import annotations

import logging
import secrets

LOG = logging.getLogger(__name__)


def told_of(error: Exception) -> str:
    """Write a fault to the log, and return what people read of it."""
    reference = secrets.token_hex(4)
    LOG.error("reference %s", reference, exc_info=error)
    return (
        "Something went wrong on our side. Your inputs are kept: change one, or reload the page. "
        f"If it happens again, pass on the reference {reference}."
    )
