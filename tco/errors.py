"""What can go wrong, said in words a person can act on.

    TcoError                       everything we raise on purpose; exit status 2
    ├── InputError                 one or more findings in files that a person wrote
    ├── PriceNotFoundError         no quote covers what was asked for on that day
    ├── PriceSourceError           a price API cannot be read, or answers in another form
    ├── NotFoundError              a named thing (scenario, option, snapshot, ...) does not exist
    ├── MissingFigureError         a figure that the answer needs was never given or measured
    └── InfeasibleError            the deployment cannot carry the load, with the numbers

Every message says what is wrong, where, what is near it, and the next step.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date


def nearest(name: str, known: Iterable[str], *, most: int = 3) -> str:
    """Name what a person may have meant, or say that nothing is near.

    >>> nearest("latency_s", ["latency_ms", "seed"])
    'latency_ms'
    >>> nearest("zzz", ["latency_ms"])
    'none'
    """
    return ", ".join(difflib.get_close_matches(name, list(known), n=most, cutoff=0.5)) or "none"


def printable(text: str) -> str:
    r"""Write out what a file must not do to a screen: line breaks and control characters.

    >>> print(printable("a\n\x1b[2Jb"))
    a\n\x1b[2Jb
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class TcoError(Exception):
    """Root of all errors that this package raises on purpose."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem at one place of one file."""

    file: str
    line: int | None
    key: str
    problem: str
    action: str
    near: str | None = None

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        middle = f" {self.key}:" if self.key else ""
        near = f"; nearest: {self.near}" if self.near else ""
        return printable(f"{place}:{middle} {self.problem}{near}; {self.action}")


class InputError(TcoError):
    """Files that a person wrote have problems; all of them are listed at once."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(sorted(findings, key=lambda found: (found.file, found.line or 0)))
        super().__init__("\n".join(str(finding) for finding in self.findings))


class PriceNotFoundError(TcoError, LookupError):
    """No quote covers the asked-for SKU on the asked-for day."""

    def __init__(
        self, sku: str, on: date, known: Iterable[str], *, earliest: date | None = None
    ) -> None:
        why = (
            f"Near it: {nearest(sku, known)}."
            if earliest is None
            else f"Its earliest price is of {earliest:%Y-%m-%d}."
        )
        super().__init__(
            f"no price for '{sku}' on {on:%Y-%m-%d}. {why} "
            "Add a dated row under pricing/, or choose another price_date."
        )


class PriceSourceError(TcoError):
    """A price API cannot be reached, refuses, or answers in a form we do not know."""


class NotFoundError(TcoError, LookupError):
    """A thing asked for by name does not exist."""

    def __init__(self, what: str, name: str, known: Iterable[str], action: str) -> None:
        super().__init__(f"no {what} '{name}'. Near it: {nearest(name, known)}. {action}")


class MissingFigureError(TcoError):
    """A figure that the answer needs was never given or measured."""


class InfeasibleError(TcoError):
    """The deployment cannot carry the load, or does not fit the hardware."""
