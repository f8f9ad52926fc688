"""A decision recorded with its evidence, verified by running it again, and looked at when due."""

from __future__ import annotations

import calendar
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

from pydantic import ValidationError

from tco.data import write_whole
from tco.domain.decision import Decision, FlipValue, Inputs, Standing
from tco.domain.scenario import Scenario
from tco.errors import Finding, InfeasibleError, InputError, TcoError, nearest
from tco.measure.library import Measurements
from tco.plan import Evaluation, Settings, evaluate
from tco.prices import Catalog
from tco.rank.score import Answer

PRODUCT = "tco-planner"
REVIEW_AFTER_MONTHS = 3
SAME = 1e-9
"""Relative difference that another machine may make."""
WEAK = ("estimated", "assumed")
TEN, NINETY = 10, 90
NOT_BY_HAND = "a decision is not edited by hand: record it again"


def decide(
    found: Evaluation,
    *,
    by: str,
    why: str,
    on: date,
    choice: str | None = None,
    review_on: date | None = None,
) -> Decision:
    """Write down a choice among the ranked options.

    Args:
        found: The answer that the choice rests on.
        by: Who decides.
        why: Their reason.
        on: Day of the decision.
        choice: The option; None: the cheapest.
        review_on: Day to look again; None: three months later.

    Raises:
        InfeasibleError: If no option is ranked.
        TcoError: If the choice is not ranked, or the day of review is not after the decision.
    """
    ranked = {answer.option: answer for answer in found.ranking.options}
    if not ranked:
        raise InfeasibleError(
            f"no option of {found.scenario.id} meets every goal: nothing to decide"
        )
    choice = choice or next(iter(ranked))
    if choice not in ranked:
        raise TcoError(
            f"'{choice}' is not ranked, so it cannot be chosen. "
            f"Near it: {nearest(choice, ranked)}. Ranked: {', '.join(ranked)}."
        )
    review_on = review_on or _months_later(on, REVIEW_AFTER_MONTHS)
    if review_on <= on:
        raise TcoError(f"the review on {review_on} is not after the decision on {on}")
    scenario, outlook = found.scenario, found.outlook
    others = [option for option in ranked if option != choice]
    return Decision(
        scenario=scenario.id,
        question=scenario.question,
        decided_on=on,
        decided_by=by,
        why=why,
        review_on=review_on,
        choice=choice,
        runner_up=others[0] if others else None,
        inputs=Inputs(
            scenario_digest=scenario.digest,
            catalog_digest=found.catalog_digest,
            measurements_digest=found.measurements_digest,
            product_version=version(PRODUCT),
            basis=found.settings.basis,
            fidelity=found.settings.fidelity,
            seed=scenario.seed,
        ),
        horizon_months=scenario.horizon_months,
        standings=tuple(_standing(found, answer) for answer in ranked.values()),
        left_out={
            answer.option: answer.reasons
            for answer in (*found.ranking.unproven, *found.ranking.excluded)
        },
        goals=scenario.goals.model_dump(mode="json", exclude_defaults=True),
        criteria_weights=scenario.criteria.in_force if scenario.criteria else {},
        flips=tuple(
            FlipValue(
                driver=flip.driver.name,
                unit=flip.driver.unit,
                likely=flip.driver.likely,
                value=flip.value,
                winner=flip.winner,
            )
            for flip in outlook.flips
            if flip.is_verified
        ),
        flip_sentences=outlook.flip_sentences,
        caveats=tuple(_caveats(found, ranked[choice])),
        plan=scenario.model_dump(mode="json"),
    )


def _standing(found: Evaluation, answer: Answer) -> Standing:
    assert answer.money is not None
    assert answer.rank is not None
    known = found.outlook.uncertainty.ranges[answer.option]
    card = found.outlook.scorecards.get(answer.option)
    return Standing(
        option=answer.option,
        title=answer.title,
        rank=answer.rank,
        cost_usd=answer.money.basis_usd,
        cost_per_1k_usd=answer.money.cost_per_1k_usd,
        p10_usd=known.total_usd[TEN],
        p90_usd=known.total_usd[NINETY],
        p_cheapest=known.p_cheapest,
        evidence_shares=dict(answer.money.evidence_shares),
        weighted_score=card.weighted if card else None,
    )


def _caveats(found: Evaluation, chosen: Answer) -> Iterator[str]:
    assert chosen.money is not None
    yield "An estimate, not a quote; taxes are not included."
    if found.scenario.illustrative:
        yield "Some figures of the scenario are assumed."
    weak = sum(chosen.money.evidence_shares.get(grade, 0.0) for grade in WEAK)
    if weak > 0:
        yield f"{weak:.0%} of the chosen option's cost rests on estimates and assumptions."
    if chosen.rank != 1:
        yield "The choice is not the cheapest option that meets every goal."
    yield from chosen.warnings


def _months_later(day: date, months: int) -> date:
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


# ---- as files --------------------------------------------------------------------------------


def as_json(decision: Decision) -> bytes:
    """Write a decision as the bytes of its file."""
    data = decision.model_dump(mode="json", exclude_none=True)
    return (json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def as_markdown(decision: Decision) -> str:
    """Write a decision for people."""
    chosen = decision.standing(decision.choice)
    lines = [
        f"# Decision: {_plain(decision.question)}",
        "",
        f"**{_plain(chosen.title)}**, decided on {decision.decided_on} by "
        f"{_plain(decision.decided_by)}; to be looked at again on {decision.review_on}.",
        "",
        f"Why: {_plain(decision.why)}",
        "",
        f"## The options over {decision.horizon_months} months, {decision.inputs.basis} basis",
        "",
        "| rank | option | cost [USD] | per 1,000 [USD] | P10 to P90 [USD] | cheapest in | score |",
        "| ---: | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for one in decision.standings:
        ends = (one.p10_usd, one.p90_usd)
        spread = " to ".join("not known" if end is None else f"{end:,.0f}" for end in ends)
        mark = " (chosen)" if one.option == decision.choice else ""
        score = "" if one.weighted_score is None else f"{one.weighted_score:.2f}"
        lines.append(
            f"| {one.rank} | {_plain(one.title)}{mark} | {one.cost_usd:,.2f} "
            f"| {one.cost_per_1k_usd:,.4f} | {spread} | {one.p_cheapest:.0%} | {score} |"
        )
    lines += [
        f"| | {_plain(option)}: left out, {_plain('; '.join(reasons))} | | | | | |"
        for option, reasons in decision.left_out.items()
    ]
    shares = (f"{share:.0%} {grade}" for grade, share in chosen.evidence_shares.items() if share)
    inputs = decision.inputs
    lines += [
        "",
        f"The chosen option's cost rests on figures that are {', '.join(shares)}.",
        *_section("Weights of the criteria", _weights(decision.criteria_weights)),
        *_section("What would change the answer", decision.flip_sentences),
        *_section("Bear in mind", decision.caveats),
        *_section(
            "Rests on",
            (
                f"scenario {decision.scenario}, {inputs.scenario_digest}",
                f"prices {inputs.catalog_digest}",
                f"measurements {inputs.measurements_digest}",
                f"{PRODUCT} {inputs.product_version}, seed {inputs.seed}, {inputs.fidelity}",
            ),
        ),
        "",
    ]
    return "\n".join(lines)


def _weights(weights: Mapping[str, float]) -> tuple[str, ...]:
    return tuple(f"{name}: {weight:.0%}" for name, weight in weights.items())


def _section(title: str, points: tuple[str, ...]) -> list[str]:
    return ["", f"## {title}", "", *(f"- {_plain(point)}" for point in points)] if points else []


def _plain(text: str) -> str:
    """Keep what a person typed from becoming Markdown or HTML."""
    words = " ".join(text.split())
    return "".join(f"\\{sign}" if sign in r"\`*_{}[]<>|#" else sign for sign in words)


def write_decision(decision: Decision, folder: Path) -> tuple[Path, Path]:
    """Write both files into a folder, which is made if it is missing; nothing is overwritten."""
    stem = f"{decision.decided_on}_{decision.scenario.replace('/', '-')}_{decision.choice}"
    paths = folder / f"{stem}.json", folder / f"{stem}.md"
    for path in paths:
        if path.exists():
            raise TcoError(
                f"{path} is there already. A decision is not rewritten: name another --out"
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TcoError(f"{folder} cannot be made: {error.strerror}; name another --out") from None
    write_whole(paths[0], as_json(decision))
    write_whole(paths[1], as_markdown(decision).encode())
    return paths


def read_decision(path: Path) -> Decision:
    """Read a decision strictly.

    Raises:
        InputError: What is wrong in it, field by field.
    """
    try:
        return Decision.model_validate_json(path.read_bytes())
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
        raise InputError([Finding(str(path), None, "", reason, "name another file")]) from None
    except ValidationError as error:
        raise InputError(
            [
                Finding(str(path), None, ".".join(map(str, one["loc"])), one["msg"], NOT_BY_HAND)
                for one in error.errors()
            ]
        ) from None


# ---- run again -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Checked:
    """A decision that was run again."""

    is_same: bool
    """Whether the same bytes came out."""
    is_close: bool
    """Whether the order is the same and every figure lies within 1e-9."""
    differences: tuple[str, ...]


def verify(
    decision: Decision, catalog: Catalog, measurements: Measurements, cache: Path | None
) -> Checked:
    """Evaluate the recorded plan with today's program and tables, and compare all that was said."""
    scenario = Scenario.model_validate(decision.plan)
    settings = Settings(basis=decision.inputs.basis, fidelity=decision.inputs.fidelity, cache=cache)
    found = evaluate(scenario, catalog, measurements, settings=settings)
    if decision.choice not in {answer.option for answer in found.ranking.options}:
        return Checked(
            is_same=False,
            is_close=False,
            differences=(f"{decision.choice} is no longer ranked",),
        )
    again = decide(
        found,
        by=decision.decided_by,
        why=decision.why,
        on=decision.decided_on,
        choice=decision.choice,
        review_on=decision.review_on,
    )
    differences = tuple(_differences(decision, again))
    return Checked(as_json(again) == as_json(decision), not differences, differences)


def _differences(then: Decision, now: Decision) -> Iterator[str]:
    for name, before in then.inputs:
        after = getattr(now.inputs, name)
        if before != after:
            yield f"{name.replace('_', ' ')}: {before} then, {after} now"
    orders = [[one.option for one in decision.standings] for decision in (then, now)]
    if orders[0] != orders[1]:
        yield f"the order was {', '.join(orders[0])} and is {', '.join(orders[1])}"
        return
    for before, after in zip(then.standings, now.standings, strict=True):
        for name in ("cost_usd", "cost_per_1k_usd", "p10_usd", "p90_usd", "p_cheapest"):
            old, new = getattr(before, name), getattr(after, name)
            if old is None or new is None:
                if old is not new:
                    yield f"{before.option}: {name} is known on one day only"
            elif not math.isclose(old, new, rel_tol=SAME, abs_tol=SAME):
                yield f"{before.option}: {name} was {old:,.6g} and is {new:,.6g}"
    flips = [{(flip.driver, flip.winner) for flip in one.flips} for one in (then, now)]
    if flips[0] != flips[1]:
        yield "other figures would flip the answer"


def reasons_to_review(decision: Decision, on: date, now: Evaluation | None) -> tuple[str, ...]:
    """Say why a decision is due: its day has come, or what it rests on has moved too far.

    Args:
        decision: The decision.
        on: Today.
        now: Its scenario as it stands today; None: it cannot be evaluated any more.
    """
    reasons = []
    if on >= decision.review_on:
        reasons.append(f"to be looked at on {decision.review_on}")
    if now is None:
        reasons.append(f"{decision.scenario} cannot be evaluated any more")
        return tuple(reasons)
    drivers = now.model.drivers()
    for flip in decision.flips:
        driver = drivers.get(flip.driver)
        if driver is not None and flip.is_reached(driver.likely):
            reasons.append(
                f"{flip.driver} was {flip.likely:,.6g}, is {driver.likely:,.6g} and has passed "
                f"{flip.value:,.6g} {flip.unit}, from where {flip.winner} is the cheapest"
            )
    cheapest = now.ranking.options[0].option if now.ranking.options else None
    first = decision.standings[0].option
    if cheapest != first:
        reasons.append(f"the cheapest was {first} and is {cheapest or 'nobody'}")
    return tuple(reasons)
