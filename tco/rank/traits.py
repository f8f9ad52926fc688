"""Options side by side in what a choice rests on: computed where we compute, typed where not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

import pandas as pd

from tco.domain.cost import Phase
from tco.domain.goals import Custody
from tco.domain.scenario import Scenario
from tco.domain.snapshot import Approach, Openness
from tco.ledger import book
from tco.ledger.leaving import exit_costs, is_plain
from tco.ledger.model import CostModel
from tco.rank.score import Answer, OptionKind
from tco.units import MONTHS_PER_YEAR


class How(StrEnum):
    """Where a cell comes from."""

    COMPUTED = "computed"
    RECORD = "from the record"
    TYPED = "typed"
    UNKNOWN = "nobody has said"


@dataclass(frozen=True, slots=True)
class Trait:
    """One cell: what is said of an option, and on what ground."""

    text: str
    how: How


NOT_KNOWN = Trait("not known", How.UNKNOWN)
TYPED_ROWS = {
    "customisation": "Customisation",
    "knowledge_refresh": "Knowledge refresh",
    "support": "Support",
    "lock_in": "Lock-in",
}
"""Rows that people may score from 1 to 5, by the name of their criterion."""
CUSTODY_WORDS = {
    Custody.API_VENDOR: "goes to the API's vendor",
    Custody.CLOUD_ACCOUNT: "stays in our cloud account",
    Custody.OWN_SITE: "stays on our site",
}
TUNED = {Approach.LORA, Approach.FINE_TUNE, Approach.DISTILLED, Approach.FROM_SCRATCH}


@dataclass(frozen=True, slots=True)
class Compared:
    """What the rows of the table are read from."""

    scenario: Scenario
    model: CostModel
    rows: pd.DataFrame

    def table(self, answers: list[Answer]) -> dict[str, list[Trait]]:
        """Return one row a trait, one cell an option, in the order of the options."""
        readers: dict[str, Callable[[Answer], Trait]] = {
            "Training and experiments": self._making,
            "Inference": self._inference,
            "Latency, 95 of 100 within": _latency,
            "Quality": self._quality,
            "Device memory of the weights": _memory,
            "Data custody": _custody,
        }
        otherwise = {
            "customisation": _customisation,
            "knowledge_refresh": _refresh,
            "support": lambda _: NOT_KNOWN,
            "lock_in": self._lock_in,
        }
        for criterion, row in TYPED_ROWS.items():
            readers[row] = partial(self._typed, criterion, otherwise[criterion])
        return {row: [read(answer) for answer in answers] for row, read in readers.items()}

    def _own(self, answer: Answer, *phases: Phase) -> float:
        rows = self.rows[self.rows["option"] == answer.option]
        return book.total_usd(rows[rows["phase"].isin(phases)])

    def _making(self, answer: Answer) -> Trait:
        usd = self._own(answer, Phase.EXPERIMENTATION, Phase.TRAINING)
        return Trait(f"USD {usd:,.0f}", How.COMPUTED)

    def _inference(self, answer: Answer) -> Trait:
        assert answer.money is not None
        usd = self._own(answer, Phase.INFERENCE)
        each = answer.money.inference_cost_per_1k_usd
        return Trait(f"USD {usd:,.0f}, {each:,.4g} per 1,000 requests", How.COMPUTED)

    def _quality(self, answer: Answer) -> Trait:
        goal = self.scenario.goals.quality
        facts = answer.profile.facts if answer.profile is not None else None
        if goal is None or facts is None:
            return NOT_KNOWN
        known = [metric for part in facts.quality for metric in part if metric.name == goal.metric]
        if not known:
            return NOT_KNOWN
        worst = min(known, key=lambda metric: metric.value)
        spread = "" if worst.low is None else f" ({worst.low:g} to {worst.high:g})"
        return Trait(f"{goal.metric} {worst.value:g}{spread}, {worst.evidence}", How.RECORD)

    def _typed(self, criterion: str, otherwise: Callable[[Answer], Trait], answer: Answer) -> Trait:
        candidate = self.scenario.candidates.get(answer.option)
        score = None if candidate is None else candidate.scores.get(criterion)
        if score is None:
            return otherwise(answer)
        return Trait(f"{score.score} of 5: {score.reason}", How.TYPED)

    def _lock_in(self, answer: Answer) -> Trait:
        """Say what leaving after a year would cost, as far as it is known."""
        option = answer.option
        if option not in self.scenario.candidates or not is_plain(self.scenario, option):
            return NOT_KNOWN
        leaving = exit_costs(self.scenario, self.model, option)
        at = min(MONTHS_PER_YEAR, self.scenario.horizon_months) - 1
        known = float(leaving.commitment_usd[at] + leaving.assets_usd[at])
        if leaving.migration_usd is None:
            work = "the work of moving is not stated"
        else:
            known += float(leaving.migration_usd[at])
            work = "work of moving included"
        return Trait(f"leaving after month {at + 1}: USD {known:,.0f}, {work}", How.COMPUTED)


def _latency(answer: Answer) -> Trait:
    p95_ms = answer.latency.ms.get("p95") if answer.latency is not None else None
    return NOT_KNOWN if p95_ms is None else Trait(f"{p95_ms:,.0f} ms", How.COMPUTED)


def _memory(answer: Answer) -> Trait:
    profile = answer.profile
    if profile is None:
        return NOT_KNOWN
    if profile.kind is OptionKind.API:
        return Trait("none of our own", How.RECORD)
    parts = [gib for gib in profile.facts.device_memory_gib if gib is not None]
    return Trait(f"{max(parts):,.3g} GiB", How.RECORD) if parts else NOT_KNOWN


def _custody(answer: Answer) -> Trait:
    places = answer.profile.facts.custody if answer.profile is not None else frozenset()
    words = [text for place, text in CUSTODY_WORDS.items() if place in places]
    return Trait("; ".join(words), How.RECORD) if words else NOT_KNOWN


def _customisation(answer: Answer) -> Trait:
    profile = answer.profile
    if profile is None or profile.openness is None:
        return NOT_KNOWN
    if profile.approaches & TUNED:
        made = ", ".join(sorted(profile.approaches & TUNED))
        return Trait(f"trained on our data ({made})", How.RECORD)
    if profile.openness is Openness.OPEN:
        return Trait("weights can be tuned by us", How.RECORD)
    return Trait("by prompt, and as far as the vendor offers tuning", How.RECORD)


def _refresh(answer: Answer) -> Trait:
    profile = answer.profile
    if profile is None or not profile.approaches:
        return NOT_KNOWN
    if Approach.RETRIEVAL in profile.approaches:
        return Trait("new passages in the index", How.RECORD)
    if profile.approaches & TUNED:
        return Trait("a new training run", How.RECORD)
    return Trait("a new prompt, or the next version of the model", How.RECORD)
