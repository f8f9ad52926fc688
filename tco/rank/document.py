"""A ranking as plain data, for ``--json`` and for files; a figure that is not known is absent."""

from __future__ import annotations

from typing import Any

from tco.rank.outlook import Outlook
from tco.rank.score import Answer, Status
from tco.rank.uncertainty import Range


def option_document(answer: Answer, outlook: Outlook) -> dict[str, Any]:
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
        "experimentation_usd": dict(money.experimentation_usd),
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
    document |= _range_document(outlook.uncertainty.ranges[answer.option])
    document |= _beside_cost(answer, outlook)
    return {key: value for key, value in document.items() if value is not None}


def left_out_document(answer: Answer) -> dict[str, Any]:
    """Write one option that is excluded or unproven, with every reason."""
    document: dict[str, Any] = {
        "option": answer.option,
        "title": answer.title,
        "reasons": list(answer.reasons),
    }
    if answer.status is Status.EXCLUDED:
        document["near_miss"] = answer.is_near_miss
    return document


def _range_document(found: Range) -> dict[str, Any]:
    """Write how sure a cost is; a percentile that lies beyond what was simulated is absent."""
    return {
        **{f"p{level}_usd": usd for level, usd in found.total_usd.items()},
        "p_cheapest": found.p_cheapest,
        "expected_regret_usd": found.expected_regret_usd,
        "worst_regret_usd": found.worst_regret_usd,
        "unknown_share": found.unknown_share,
        "budgets": [
            {
                "percentile": budget.level,
                "total_usd": budget.total_usd,
                "contingency_usd": budget.contingency_usd,
            }
            for budget in found.budgets
        ],
        "by_month_usd": {f"p{level}": list(values) for level, values in found.by_month_usd.items()},
    }


def _beside_cost(answer: Answer, outlook: Outlook) -> dict[str, Any]:
    """Write what is said of an option beside its cost; what nobody asked for is absent."""
    place = next(place for place in outlook.places if place.option == answer.option)
    card = outlook.scorecards.get(answer.option)
    price = outlook.point_prices.get(answer.option)
    return {
        "within_noise_of_the_one_above": answer.is_tied,
        "warnings": list(answer.warnings) or None,
        "dominated_by": list(place.dominated_by),
        "not_placed_by": list(place.unknown) or None,
        "usd_per_quality_point": None
        if price is None
        else {"against": price.against, "usd": price.usd_per_point, "points": price.points},
        "criteria": None
        if card is None
        else {
            "weighted": card.weighted,
            "unscored": list(card.unscored),
            "scores": {
                name: {"score": scored.score, "reason": scored.reason}
                for name, scored in card.scores.items()
            },
        },
    }


def outlook_document(outlook: Outlook) -> dict[str, Any]:
    """Write what stands around a ranking."""
    drawn = outlook.uncertainty
    return {
        "uncertainty": {"draws": drawn.draws, "seed": drawn.seed, "drivers": list(drawn.drivers)},
        "tornado": [
            {
                "driver": swing.driver.name,
                "unit": swing.driver.unit,
                "low": swing.driver.low,
                "likely": swing.driver.likely,
                "high": swing.driver.high,
                "at_low_usd": swing.at_low_usd,
                "at_high_usd": swing.at_high_usd,
            }
            for swing in outlook.tornado
        ],
        "flips": [
            {
                "driver": flip.driver.name,
                "unit": flip.driver.unit,
                "likely": flip.driver.likely,
                "value": flip.value,
                "change": flip.change,
                "winner": flip.winner,
                "within_range": flip.is_within_range,
                "verified": flip.is_verified,
            }
            for flip in outlook.flips
        ],
        "flip_sentences": list(outlook.flip_sentences),
    }
