"""The report's section on the scenarios of a use case: what `tco rank` tells of each."""

from __future__ import annotations

from collections.abc import Sequence

from reportlab.platypus import Flowable, Spacer

from tco.export.across import Across, Cell, Table, by_snapshot_and_scenario
from tco.export.page_style import and_more, heading, table, usd, words
from tco.plan import Evaluation

MOST_ROWS, MOST_LEFT_OUT = 12, 8


def across_section(found: Evaluation, seen: Across) -> list[Flowable]:
    """Set snapshots against scenarios, say who wins where, and who is left out for what."""
    story: list[Flowable] = [Spacer(1, 8), heading("The ranking in each scenario")]
    if seen.why_not:
        return [*story, words(seen.why_not)]
    if len(seen.evaluations) == 1:
        only = f"There is only one scenario of {found.scenario.use_case}: {found.scenario.name}."
        return [*story, words(only), *_notes(found, seen)]
    rows = by_snapshot_and_scenario(seen.evaluations)
    names = [one.scenario.name for one in seen.evaluations]
    lines = [
        [snapshot, *(_text(row.get(name)) for name in names)]
        for snapshot, row in list(rows.items())[:MOST_ROWS]
    ]
    titles = [f"{name} (this plan)" if name == found.scenario.name else name for name in names]
    story += [
        words(_winners(seen.evaluations), 8),
        table(
            (f"place and cost [USD, {found.settings.basis}]", *titles),
            lines,
            widths=(26, *([14] * len(names))),
            size=6,
        ),
        *and_more(len(rows) - MOST_ROWS, "snapshot"),
        Spacer(1, 4),
    ]
    left_out = _left_out(rows, len(names))
    story += [words(text, 6.5) for text in left_out[:MOST_LEFT_OUT]]
    story += and_more(len(left_out) - MOST_LEFT_OUT, "reason")
    return [*story, *_notes(found, seen)]


def _text(cell: Cell | None) -> str:
    """Write a place and its cost, or what became of a snapshot and what it would cost."""
    if cell is None:
        return "no option"
    if cell.place is not None:
        return f"{cell.place}. {usd(cell.cost_usd)}"
    return cell.word if cell.cost_usd is None else f"{cell.word} ({usd(cell.cost_usd)})"


def _winners(evaluations: Sequence[Evaluation]) -> str:
    """Say which snapshot is the cheapest in which scenarios."""
    wins: dict[str, list[str]] = {}
    for one in evaluations:
        rows = by_snapshot_and_scenario([one])
        first = [name for name, row in rows.items() for cell in row.values() if cell.place == 1]
        wins.setdefault(first[0] if first else "", []).append(one.scenario.name)
    nobody = wins.pop("", [])
    parts = [f"{snapshot} in {', '.join(names)}" for snapshot, names in wins.items()]
    text = f"The cheapest that meets every goal: {'; '.join(parts)}." if parts else ""
    return f"{text} None does in {', '.join(nobody)}.".strip() if nobody else text


def _left_out(rows: Table, scenarios: int) -> list[str]:
    """Say once for each reason which snapshot it keeps out, and where."""
    where: dict[tuple[str, str, str], list[str]] = {}
    for snapshot, row in rows.items():
        for name, cell in row.items():
            if cell.place is None:
                reasons = "; ".join(cell.answer.reasons)
                where.setdefault((snapshot, cell.word, reasons), []).append(name)
    return [
        f"{snapshot}, {word} in "
        f"{'every scenario' if len(names) == scenarios else ', '.join(names)}: {reasons}"
        for (snapshot, word, reasons), names in where.items()
    ]


def _notes(found: Evaluation, seen: Across) -> list[Flowable]:
    """Say what the other columns rest on, and what could not be read."""
    texts = [f"{name} is not here: {why}" for name, why in seen.unread]
    if seen.is_changed:
        texts.append("This plan was changed; the other scenarios are as their files say.")
    others = [one.scenario for one in seen.evaluations if one is not found]
    if others:
        digests = ", ".join(f"{one.name} {one.digest[:8]}" for one in others)
        texts.append(f"Same prices, measurements and basis; scenario digests: {digests}.")
    return [words(text, 6.5, quiet=True) for text in texts]
