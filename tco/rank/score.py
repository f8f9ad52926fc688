"""Options in order of total cost of ownership, one row a snapshot on top."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

import pandas as pd

from tco.domain.cost import Basis, Payee, Phase
from tco.domain.goals import Goals
from tco.domain.snapshot import Approach, Openness, SizeClass
from tco.ledger import book
from tco.ledger.finance import total_on_basis_usd
from tco.rank.goals import NO_FACTS, Facts, LatencyFact, Miss, Work, judge
from tco.rank.quality import warnings
from tco.units import GRAMS_PER_KILOGRAM, REQUESTS_PER_THOUSAND, WH_PER_KWH


class OptionKind(StrEnum):
    """How an option is served."""

    SELF_HOSTED = "self-hosted"
    API = "api"
    HYBRID = "hybrid"
    INCUMBENT = "incumbent"


class Status(StrEnum):
    """What became of an option."""

    RANKED = "ranked"
    UNPROVEN = "unproven"
    EXCLUDED = "excluded"


@dataclass(frozen=True, slots=True)
class OptionProfile:
    """What an option is, before its cost is known."""

    option: str
    title: str
    snapshots: tuple[str, ...]
    kind: OptionKind
    openness: Openness | None
    size_class: SizeClass | None
    facts: Facts
    """Openness and size are None where the record does not say, as for what runs today."""
    has_steps: bool = False
    """Whether it is a cascade or staged."""
    approaches: frozenset[Approach] = frozenset()
    """How its snapshots came to be."""


@dataclass(frozen=True, slots=True)
class Money:
    """The figures of one option, each a sum over its rows of the ledger."""

    basis_usd: float
    tco_usd: float
    pv_usd: float
    cost_per_1k_usd: float
    inference_cost_per_1k_usd: float
    training_usd: float
    experimentation_usd: Mapping[str, float]
    """What became of the money for runs: final, finished, failed, abandoned, duplicate."""
    people_usd: float
    idle_usd: float
    idle_share: float | None
    """None where the option pays for no capacity of its own."""
    evidence_shares: Mapping[str, float]
    energy_kwh: float | None = None
    """Energy and carbon are None where some row that draws power has no figure."""
    energy_wh_per_1k: float | None = None
    co2e_kg: float | None = None
    co2e_g_per_1k: float | None = None
    embodied_co2e_kg: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One option's place, or why it has none."""

    profile: OptionProfile | None
    option: str
    title: str
    status: Status
    reasons: tuple[str, ...]
    money: Money | None
    rank: int | None = None
    misses: tuple[Miss, ...] = ()
    warnings: tuple[str, ...] = ()
    """What to be wary of in its quality figures."""
    is_tied: bool = False
    """Whether what simulation leaves open is more than its distance to the option above."""

    @property
    def is_near_miss(self) -> bool:
        """Whether every goal that it fails is missed by a fifth or less."""
        return bool(self.misses) and all(miss.is_near for miss in self.misses)

    @property
    def latency(self) -> LatencyFact | None:
        """What is known of its latency."""
        return self.profile.facts.latency if self.profile is not None else None


@dataclass(frozen=True, slots=True)
class Ranking:
    """Every option of a scenario: ranked, unproven, excluded."""

    options: tuple[Answer, ...]
    unproven: tuple[Answer, ...]
    excluded: tuple[Answer, ...]

    @property
    def near_misses(self) -> tuple[Answer, ...]:
        """Excluded options that miss their goals narrowly, the nearest first."""
        near = [answer for answer in self.excluded if answer.is_near_miss]
        return tuple(sorted(near, key=_widest_miss))

    @property
    def nearest(self) -> Answer | None:
        """The excluded option that a change of numbers would let in with the least change."""
        numeric = [a for a in self.excluded if a.misses and _widest_miss(a)[0] < math.inf]
        return min(numeric, key=_widest_miss, default=None)

    @property
    def snapshots(self) -> tuple[Answer, ...]:
        """One row a snapshot: its cheapest ranked option."""
        cheapest: dict[tuple[str, ...], Answer] = {}
        for answer in self.options:
            assert answer.profile is not None
            cheapest.setdefault(answer.profile.snapshots, answer)
        return tuple(cheapest.values())


@dataclass(frozen=True, slots=True)
class Terms:
    """How money is counted."""

    months: tuple[date, ...]
    requests: float
    """Requests answered over the horizon [-]."""
    basis: Basis
    """The view of time that orders the options."""
    discount_rate_per_year: float


def rank_options(
    profiles: Sequence[OptionProfile],
    rows: pd.DataFrame,
    goals: Goals,
    left_out: Mapping[str, tuple[str, str]],
    work: Mapping[str, Work],
    terms: Terms,
) -> Ranking:
    """Judge every option and order those that meet all goals by cost on the basis.

    Args:
        profiles: Options whose cost is known.
        rows: The ledger of all of them.
        goals: What they are held against.
        left_out: Title and reason of options that could not be evaluated.
        work: What each option takes beside money.
        terms: How money is counted.
    """
    bar = None if goals.baseline is None else goals.baseline.option
    bar_facts = next((profile.facts for profile in profiles if profile.option == bar), NO_FACTS)
    found: dict[Status, list[Answer]] = {status: [] for status in Status}
    by_option = by_option_of(rows)
    for profile in profiles:
        own = by_option.get(profile.option, rows.iloc[:0])
        money = money_of(own, terms)
        verdict = judge(
            goals,
            profile.facts,
            money.tco_usd,
            work[profile.option],
            None if bar in (None, profile.option) else bar_facts,
        )
        status = Status.RANKED
        reasons: list[str] = []
        if verdict.misses:
            status, reasons = Status.EXCLUDED, verdict.failed + verdict.unproven
        elif verdict.unproven:
            status, reasons = Status.UNPROVEN, verdict.unproven
        answer = Answer(
            profile,
            profile.option,
            profile.title,
            status,
            tuple(reasons),
            money,
            misses=tuple(verdict.misses),
            warnings=tuple(text for known in profile.facts.quality for text in warnings(known)),
        )
        found[status].append(answer)
    for option, (title, reason) in left_out.items():
        found[Status.EXCLUDED].append(Answer(None, option, title, Status.EXCLUDED, (reason,), None))
    ordered = in_order(found[Status.RANKED])
    ranked = tuple(
        replace(answer, rank=number, is_tied=_is_tied(ordered[: number - 1], answer, work))
        for number, answer in enumerate(ordered, start=1)
    )
    unproven = tuple(in_order(found[Status.UNPROVEN]))
    return Ranking(ranked, unproven, tuple(found[Status.EXCLUDED]))


WORDS = ("option", "phase", "category", "kind", "cause", "payee", "evidence")
FIGURES = ("month", "cost_usd", "life_months", "energy_kwh", "co2e_kg", "embodied_co2e_kg")


def by_option_of(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return what money is read from, one table an option; words as categories, which are quick."""
    narrow = rows[[*WORDS, *FIGURES]].astype(dict.fromkeys(WORDS, "category"))
    return {str(option): own for option, own in narrow.groupby("option", sort=False, observed=True)}


def in_order(answers: Iterable[Answer]) -> list[Answer]:
    """Return answers whose cost is known, the cheapest first."""
    return sorted(answers, key=_cost_then_name)


def _is_tied(before: Sequence[Answer], answer: Answer, work: Mapping[str, Work]) -> bool:
    """Tell whether an option costs the same as the one above, as far as simulation can tell."""
    if not before:
        return False
    above = before[-1]
    assert above.money is not None
    assert answer.money is not None
    distance = answer.money.basis_usd - above.money.basis_usd
    noise = math.hypot(*(work[name].noise_usd for name in (above.option, answer.option)))
    return round(distance, 2) <= noise


def _widest_miss(answer: Answer) -> tuple[float, str]:
    widest = max(math.inf if miss.by is None else miss.by for miss in answer.misses)
    return widest, answer.option


def _cost_then_name(answer: Answer) -> tuple[float, bool, str]:
    """Order by cost to the cent; of two that cost the same, the one without steps is simpler."""
    assert answer.money is not None
    assert answer.profile is not None
    return round(answer.money.basis_usd, 2), answer.profile.has_steps, answer.option


def money_of(rows: pd.DataFrame, terms: Terms) -> Money:
    """Sum up one option's rows."""
    tco = book.total_usd(rows)
    by_phase = book.by_word_usd(rows, "phase")
    capacity = book.capacity_usd(rows)
    idle = book.idle_usd(rows)
    thousands = terms.requests / REQUESTS_PER_THOUSAND
    months, rate = terms.months, terms.discount_rate_per_year
    energy_kwh = book.physical_total(rows, "energy_kwh")
    co2e_kg = book.physical_total(rows, "co2e_kg")
    return Money(
        basis_usd=total_on_basis_usd(rows, months, terms.basis, rate),
        tco_usd=tco,
        pv_usd=total_on_basis_usd(rows, months, Basis.PRESENT_VALUE, rate),
        cost_per_1k_usd=tco / thousands,
        inference_cost_per_1k_usd=by_phase.get(Phase.INFERENCE, 0.0) / thousands,
        training_usd=by_phase.get(Phase.TRAINING, 0.0),
        experimentation_usd=book.experimentation_usd(rows),
        people_usd=book.by_word_usd(rows, "payee").get(Payee.PAYROLL, 0.0),
        idle_usd=idle,
        idle_share=idle / capacity if capacity else None,
        evidence_shares=book.evidence_shares(rows),
        energy_kwh=energy_kwh,
        energy_wh_per_1k=None if energy_kwh is None else energy_kwh * WH_PER_KWH / thousands,
        co2e_kg=co2e_kg,
        co2e_g_per_1k=None if co2e_kg is None else co2e_kg * GRAMS_PER_KILOGRAM / thousands,
        embodied_co2e_kg=book.physical_total(rows, "embodied_co2e_kg"),
    )
