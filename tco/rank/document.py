"""A ranking as plain data, for ``--json`` and for files; a figure that is not known is absent."""

from __future__ import annotations

from typing import Any

from tco.rank.score import Answer


def option_document(answer: Answer) -> dict[str, Any]:
    """Write one ranked option."""
    profile, money = answer.profile, answer.money
    assert profile is not None
    assert money is not None
    snapshots = list(profile.snapshots)
    document: dict[str, Any] = {
        "rank": answer.rank,
        "option": answer.option,
        "title": answer.title,
        "snapshot": snapshots[0] if len(snapshots) == 1 else snapshots,
        "kind": profile.kind.value,
        "openness": profile.openness.value if profile.openness else None,
        "size_class": profile.size_class.value if profile.size_class else None,
        "tco_usd": money.tco_usd,
        "pv_usd": money.pv_usd,
        "cost_per_1k_usd": money.cost_per_1k_usd,
        "inference_cost_per_1k_usd": money.inference_cost_per_1k_usd,
        "training_usd": money.training_usd,
        "people_usd": money.people_usd,
        "idle_usd": money.idle_usd,
        "idle_share": money.idle_share,
        "energy_kwh": money.energy_kwh,
        "energy_wh_per_1k": money.energy_wh_per_1k,
        "co2e_kg": money.co2e_kg,
        "co2e_g_per_1k": money.co2e_g_per_1k,
        "embodied_co2e_kg": money.embodied_co2e_kg,
        "latency_ms": dict(answer.latency.ms) if answer.latency else None,
        "evidence_shares": dict(money.evidence_shares),
    }
    return {key: value for key, value in document.items() if value is not None}


def left_out_document(answer: Answer) -> dict[str, Any]:
    """Write one option that is excluded or unproven, with every reason."""
    return {"option": answer.option, "title": answer.title, "reasons": list(answer.reasons)}
