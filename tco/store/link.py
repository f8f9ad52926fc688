"""A plan in a link: every input, packed, with the digest that it must have when it is unpacked.

What is read from a link is checked as any input. A value of how it is looked at that is not known
is left out and named; inputs that do not give the digest are refused as a whole.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tco.domain.cost import Basis
from tco.domain.loading import resolved_scenario
from tco.errors import TcoError
from tco.rank.scope import Scope
from tco.rank.unit_cost import UnitOfCost
from tco.store.plan import Plan, word_of

VERSION = "1"
MOST_BYTES = 5_000_000
"""More than any scenario; a few bytes must not unpack to a memory full."""
WORDS: dict[str, type[StrEnum]] = {"basis": Basis, "scope": Scope, "unit": UnitOfCost}
CARRIES = "scenario"


@dataclass(frozen=True, slots=True)
class Read:
    """A plan out of a link, and what was wrong with the link."""

    plan: Plan
    refused: tuple[str, ...]
    """Values that were not valid and are left out, as name=value."""
    prices_digest: str
    """Digest of the price tables of who made the link."""


def link_values(plan: Plan, prices_digest: str) -> dict[str, str]:
    """Return the values of a link, by name."""
    content = json.dumps(plan.scenario.model_dump(mode="json"), separators=(",", ":"))
    packed = base64.urlsafe_b64encode(zlib.compress(content.encode(), 9)).decode()
    return {
        "link": VERSION,
        "digest": plan.digest,
        "prices": prices_digest,
        "basis": plan.basis.value,
        "scope": plan.scope.value,
        "unit": plan.unit.value,
        CARRIES: packed,
    }


def read_link(values: Mapping[str, str]) -> Read:
    """Read a plan out of the values of a link, or say why it cannot be opened."""
    version = values.get("link", "")
    if version != VERSION:
        raise TcoError(
            f"this link has version '{version[:20]}', and this program reads version {VERSION}; "
            "ask whoever sent it for a new link"
        )
    scenario = resolved_scenario(_unpacked(values.get(CARRIES, "")), "the link")
    if scenario.digest != values.get("digest"):
        raise TcoError(
            f"the inputs of this link give the digest {scenario.digest[:8]}, but it was made for "
            f"{values.get('digest', 'none')[:8]}: it was changed or cut on its way. Ask for it anew"
        )
    looks: dict[str, Any] = {}
    refused = []
    for name, words in WORDS.items():
        value = values.get(name, "")
        try:
            looks[name] = word_of(words, value, name)
        except TcoError:
            refused.append(f"{name}={value[:40]}")
    plan = Plan(scenario, scenario, **looks)
    known = {"link", "digest", "prices", CARRIES, *WORDS}
    refused += [f"{name[:40]}={value[:40]}" for name, value in values.items() if name not in known]
    return Read(plan, tuple(refused), values.get("prices", ""))


def _unpacked(text: str) -> dict[str, object]:
    try:
        unpacking = zlib.decompressobj()
        raw = unpacking.decompress(base64.urlsafe_b64decode(text.encode()), MOST_BYTES)
        return dict(json.loads(raw if unpacking.eof else b""))
    except (ValueError, TypeError, binascii.Error, zlib.error):
        raise TcoError(
            "the scenario in this link cannot be read: the link was cut or changed on its way. "
            "Copy it again, whole"
        ) from None
