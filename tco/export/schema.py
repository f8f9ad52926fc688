"""The schema of an evaluation as JSON, for programs that read it."""

from __future__ import annotations

import json
from typing import Any

from tco.domain.cost import LEDGER_COLUMN_NAMES, Basis, Behaviour, Flow, Kind, Nature, Payee, Phase
from tco.domain.record import Evidence
from tco.domain.schemas import DIALECT

NUMBER: dict[str, Any] = {"type": "number"}
TEXT: dict[str, Any] = {"type": "string"}
MAYBE: dict[str, Any] = {"type": ["number", "null"]}
DAY: dict[str, Any] = {"type": "string", "format": "date"}
DIGEST: dict[str, Any] = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
WORDS = {
    "phase": Phase,
    "kind": Kind,
    "flow": Flow,
    "nature": Nature,
    "behaviour": Behaviour,
    "payee": Payee,
    "evidence": Evidence,
}
"""Columns of the ledger that hold one of a few words."""
AMOUNTS = ("quantity", "unit_price_usd", "cost_usd")
UNKNOWN_AS_NULL = ("life_months", "energy_kwh", "co2e_kg", "embodied_co2e_kg")
OPTION = {
    "rank": {"type": "integer", "minimum": 1},
    "option": TEXT,
    "title": TEXT,
    "tco_usd": NUMBER,
    "pv_usd": NUMBER,
    "cost_per_1k_usd": NUMBER,
    "idle_usd": NUMBER,
    "p_cheapest": {"type": "number", "minimum": 0, "maximum": 1},
}


def text() -> str:
    """Return the schema as the text of its file."""
    return json.dumps(_schema(), indent=2, sort_keys=True) + "\n"


def _schema() -> dict[str, Any]:
    options = _list(_object(OPTION, closed=False))
    left_out = _list(_object({"option": TEXT, "title": TEXT, "reasons": _list(TEXT)}, closed=False))
    ranking = {
        "scenario": TEXT,
        "use_case": TEXT,
        "title": TEXT,
        "digest": DIGEST,
        "catalog_digest": DIGEST,
        "measurements_digest": DIGEST,
        "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
        "basis": {"enum": [basis.value for basis in Basis]},
        "horizon_months": {"type": "integer", "minimum": 1},
        "price_date": DAY,
        "seed": {"type": "integer"},
        "fidelity": {"enum": ["quick", "full"]},
        "illustrative": {"type": "boolean"},
        "requests": NUMBER,
        "snapshots": options,
        "options": options,
        "unproven": left_out,
        "excluded": left_out,
        "coverage": _list(_object({"option": TEXT, "phase": _words(Phase), "state": TEXT,
                                   "usd": NUMBER, "reason": TEXT})),
        "levelised_cost_per_1k_usd": {"type": "object", "additionalProperties": NUMBER},
    }  # fmt: skip
    assumption = {
        "name": TEXT,
        "unit": TEXT,
        "likely": NUMBER,
        "low": MAYBE,
        "high": MAYBE,
        "evidence": _words(Evidence),
        "source": TEXT,
        "checked_on": {"type": ["string", "null"], "format": "date"},
    }
    whole = {
        "schema": {"const": "tco/evaluation/1"},
        "facts": {"type": "object", "additionalProperties": TEXT},
        "ranking": _object(ranking, closed=False),
        "assumptions": _list(_object(assumption)),
        "ledger": _list(_object({name: _column(name) for name in LEDGER_COLUMN_NAMES})),
    }
    return {"$schema": DIALECT, "title": "Evaluation", **_object(whole)}


def _column(name: str) -> dict[str, Any]:
    if name in WORDS:
        return _words(WORDS[name])
    if name in AMOUNTS:
        return NUMBER
    if name in UNKNOWN_AS_NULL:
        return MAYBE
    return DAY if name == "month" else TEXT


def _words(kind: Any) -> dict[str, Any]:
    return {"enum": [word.value for word in kind]}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _object(properties: dict[str, Any], *, closed: bool = True) -> dict[str, Any]:
    """Require every key; where it is not closed, more may follow, absent if unknown."""
    return {
        "type": "object",
        "properties": properties,
        "required": sorted(properties),
        "additionalProperties": not closed,
    }
