"""The decision on one page, and the report behind it on five: the same figures as the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, PageBreak, SimpleDocTemplate, Spacer

from tco.charts import cost, frames, ranking, uncertainty
from tco.domain.cost import Kind, Phase
from tco.export.across import NOT_LOOKED, Across
from tco.export.across_section import across_section
from tco.export.facts import facts_of, footer_of
from tco.export.page_style import (
    HEIGHT,
    MARGIN,
    PADDING,
    QUIET,
    WIDTH,
    and_more,
    cards,
    fonts,
    heading,
    one_page,
    picture,
    table,
    unit_usd,
    usd,
    words,
)
from tco.export.recovery import NOT_TRIED, Recoverable, verdict_of
from tco.ledger import book
from tco.ledger.coverage import State, coverage
from tco.plan import Evaluation
from tco.rank.comparison import Compared
from tco.rank.score import Answer

TEN, EIGHTY, NINETY = 10, 80, 90
DEVELOPMENT = (Phase.DATA, Phase.EXPERIMENTATION, Phase.TRAINING)
FOOT = 26.0
"""Height of the line at the foot of a page [points]."""
COVERED = {
    State.PRICED: "priced",
    State.NONE: "none, for a reason",
    State.ELSEWHERE: "elsewhere",
    State.SILENT: "nobody says",
}
MOST_ASSUMPTIONS, MOST_RANKED, MOST_DRAWN, MOST_CAUSES = 28, 8, 2, 8


def summary_pdf(found: Evaluation) -> bytes:
    """Write the decision on one page."""
    return _pdf(found, [_summary(found)])


def report_pdf(
    found: Evaluation,
    crossings: Sequence[Compared] = (),
    recoverable: Recoverable = NOT_TRIED,
    seen: Across = NOT_LOOKED,
) -> bytes:
    """Write the decision and what it rests on, on five pages."""
    pages = (
        _summary(found),
        _over_time(found) + across_section(found, seen),
        _development_and_waste(found, recoverable),
        _crossings_and_coverage(found, crossings),
        _grounds(found),
    )
    return _pdf(found, pages)


def _pdf(found: Evaluation, pages: Sequence[Sequence[Flowable]]) -> bytes:
    held = BytesIO()
    footer = footer_of(found)
    regular, _ = fonts()

    def foot(canvas: Canvas, page: SimpleDocTemplate) -> None:
        canvas.setFont(regular, 6.5)
        canvas.setFillColor(QUIET)
        canvas.drawString(MARGIN, FOOT, footer)
        canvas.drawRightString(WIDTH - MARGIN, FOOT, f"page {page.page}")

    document = SimpleDocTemplate(
        held,
        pagesize=(WIDTH, HEIGHT),
        leftMargin=MARGIN - PADDING,
        rightMargin=MARGIN - PADDING,
        topMargin=MARGIN - PADDING,
        bottomMargin=MARGIN - PADDING,
        title=f"Cost of {found.scenario.title}",
        subject="An estimate, not a quote",
        author=facts_of(found)["Product"],
        invariant=1,
    )
    story: list[Flowable] = []
    for number, page in enumerate(pages):
        story += ([PageBreak()] if number else []) + [one_page(page)]
    document.build(story, onFirstPage=foot, onLaterPages=foot)
    return held.getvalue()


def _summary(found: Evaluation) -> list[Flowable]:
    scenario = found.scenario
    story: list[Flowable] = [
        words(scenario.title, 15, bold=True),
        words(scenario.question, 9.5, quiet=True),
        Spacer(1, 4),
        words(answer_sentence(found), 10.5, bold=True),
    ]
    ranked = found.ranking.options
    if ranked:
        story += [Spacer(1, 4), _cards(found, ranked[0]), Spacer(1, 6)]
        story += [words(sentence, 8.5) for sentence in found.outlook.flip_sentences]
        chart = ranking.ranking_with_ranges(
            frames.ranking_table(found, only_ranked=True).head(MOST_RANKED),
            title=f"Total cost, {found.settings.basis}, with the range from P10 to P90",
        )
        story += [Spacer(1, 4), picture(chart, height=30 * min(len(ranked), MOST_RANKED) + 40)]
        story += and_more(len(ranked) - MOST_RANKED, "option", " in the table")
    story += [Spacer(1, 4), _ranking(found)]
    left_out = (*found.ranking.unproven, *found.ranking.excluded)
    if left_out:
        story += [Spacer(1, 4), heading("Not ranked")]
        story += [
            words(f"{a.title} ({a.status}): {'; '.join(a.reasons)}", 7.5)
            for a in left_out[:MOST_RANKED]
        ]
        story += and_more(len(left_out) - MOST_RANKED, "option")
    story += [Spacer(1, 4), words(_caveat(found), 7, quiet=True)]
    return story


def answer_sentence(found: Evaluation) -> str:
    """Say who is cheapest, by how much, and how sure that is."""
    ranked = found.ranking.options
    if not ranked:
        return "No option meets every goal with known figures."
    best = ranked[0]
    assert best.money is not None
    months = found.scenario.horizon_months
    text = f"{best.title} is the cheapest that meets every goal: USD {best.money.basis_usd:,.0f}"
    text += f" over {months} months"
    known = found.outlook.uncertainty.ranges.get(best.option)
    if known is not None:
        low, high = known.total_usd[TEN], known.total_usd[NINETY]
        if low is not None and high is not None:
            text += f" (USD {low:,.0f} to {high:,.0f}, P10 to P90)"
        text += f"; it is the cheapest in {known.p_cheapest:.0%} of the draws"
    if len(ranked) > 1:
        second = ranked[1]
        assert second.money is not None
        more = second.money.basis_usd - best.money.basis_usd
        text += f". {second.title} costs USD {more:,.0f} more"
    return text + "."


def _cards(found: Evaluation, best: Answer) -> Flowable:
    money = best.money
    assert money is not None
    own = found.ledger[found.ledger["option"] == best.option]
    development = book.total_usd(own[own["phase"].isin(list(map(str, DEVELOPMENT)))])
    share = "no machines of its own"
    if money.idle_share is not None:
        share = f"{money.idle_share:.0%} of what its machines cost"
    return cards(
        [
            ("Total cost", f"USD {money.basis_usd:,.0f}", f"{found.settings.basis}, nominal"),
            (
                "Per 1,000 requests",
                f"USD {unit_usd(money.cost_per_1k_usd)}",
                f"USD {unit_usd(money.inference_cost_per_1k_usd)} of it for serving",
            ),
            ("Data, experiments, training", f"USD {development:,.0f}", "over the horizon"),
            ("Idle and wasted", f"USD {money.idle_usd:,.0f}", share),
        ]
    )


def _ranking(found: Evaluation) -> Flowable:
    ranges = found.outlook.uncertainty.ranges
    rows = []
    for answer in found.ranking.options:
        assert answer.money is not None
        known = ranges.get(answer.option)
        low, high = (known.total_usd[p] if known else None for p in (TEN, NINETY))
        rows.append(
            [
                f"{answer.rank}. {answer.title}",
                f"{answer.money.basis_usd:,.2f}",
                f"{usd(low)} to {usd(high)}" if known else "not known",
                f"{known.p_cheapest:.0%}" if known else "",
                unit_usd(answer.money.cost_per_1k_usd),
                usd(answer.money.idle_usd),
            ]
        )
    titles = ("option", "total [USD]", "P10 to P90 [USD]", "cheapest in", "per 1,000", "idle [USD]")
    return table(titles, rows, widths=(40, 14, 22, 9, 10, 12))


def _caveat(found: Evaluation) -> str:
    facts = facts_of(found)
    text = (
        f"Estimate, not a quote. Prices of {facts['Prices of']}, US dollars, taxes not included. "
        "P90: in 9 of 10 draws the cost is lower. Monthly ranges do not add up. "
        f"Scenario {facts['Scenario digest'][:16]}, {facts['Product']}."
    )
    return text + (" Some figures are assumed." if found.scenario.illustrative else "")


def _over_time(found: Evaluation) -> list[Flowable]:
    story: list[Flowable] = [heading("Cost over time")]
    ranked = found.ranking.options
    if ranked:
        best = ranked[0]
        rows = found.ledger[found.ledger["option"] == best.option]
        chart = cost.stacked_monthly_cost(
            rows, by="phase", title=f"Cost a month of {best.title}, when it is paid"
        )
        story.append(picture(chart, height=170))
        if best.option in found.outlook.uncertainty.ranges:
            fan = uncertainty.fan(
                frames.fan_table(found, best.option),
                title=f"Likely path and the range from P10 to P90, {found.settings.basis}",
            )
            story.append(picture(fan, height=130))
    story.append(heading("By phase of the model's life [USD, nominal]"))
    answers = frames.priced(found)[:MOST_RANKED]
    sums = frames.by_phase_table(found, answers)
    rows_of_text = [
        [str(phase), *map(usd, row)]
        for phase, row in zip(sums.index, sums.to_numpy().tolist(), strict=True)
    ]
    rows_of_text.append(["total", *map(usd, sums.sum().tolist())])
    titles = ("phase", *(answer.title for answer in answers))
    story.append(table(titles, rows_of_text, widths=(14, *([12] * len(answers))), size=6))
    return [*story, *_more_options(found)]


def _more_options(found: Evaluation) -> list[Flowable]:
    """Say how many options a table of options leaves out."""
    return and_more(len(frames.priced(found)) - MOST_RANKED, "option", ", in the workbook")


def _development_and_waste(found: Evaluation, recoverable: Recoverable) -> list[Flowable]:
    answers = frames.priced(found)[:MOST_RANKED]
    titles = [answer.title for answer in answers]
    story: list[Flowable] = [heading("Data, experiments and training [USD]")]
    wanted = list(map(str, DEVELOPMENT))
    story.append(_parts(found, answers, found.ledger["phase"].isin(wanted), "category", titles))
    story += [Spacer(1, 8), heading("Paid for capacity that did not work [USD]")]
    lost = found.ledger["kind"].isin([str(Kind.WASTED), str(Kind.IDLE)])
    story.append(_parts(found, answers, lost, "cause", titles))
    story += _more_options(found)
    story += [Spacer(1, 8), heading("What would recover the waste")]
    return story + _recovery(found, recoverable)


def _recovery(found: Evaluation, recoverable: Recoverable) -> list[Flowable]:
    """Tell what stays of each cause, and what came of each measure."""
    story: list[Flowable] = [words(recoverable.sentence(found))]
    if recoverable.recovery is None:
        return story
    causes = [
        [one.cause, usd(one.usd), usd(one.recovered_usd), usd(one.left_usd)]
        for one in recoverable.recovery.causes[:MOST_CAUSES]
    ]
    titles = ("cause", "today [USD]", "recoverable [USD]", "stays [USD]")
    story.append(table(titles, causes, widths=(40, 20, 20, 20), size=6.5))
    story += and_more(len(recoverable.recovery.causes) - MOST_CAUSES, "cause")
    story.append(Spacer(1, 6))
    trials = [
        [verdict_of(trial), "" if trial.saved_usd is None else usd(trial.saved_usd)]
        for trial in recoverable.tried
    ]
    if trials:
        alone = ("each measure alone; savings overlap and do not add up", "saves [USD]")
        story.append(table(alone, trials, widths=(80, 20), size=6.5))
    if recoverable.untried:
        story.append(words(f"Nothing to change for {', '.join(recoverable.untried)}.", 7))
    return story


def _parts(
    found: Evaluation, answers: Sequence[Answer], where: object, by: str, titles: Sequence[str]
) -> Flowable:
    rows = found.ledger[where]
    options = [answer.option for answer in answers]
    sums = rows.pivot_table(
        index=by, columns="option", values="cost_usd", aggfunc="sum", fill_value=0.0
    ).reindex(columns=options, fill_value=0.0)
    if sums.empty:
        return words("None in this plan.")
    lines = [
        [str(name), *map(usd, row)]
        for name, row in zip(sums.index, sums.to_numpy().tolist(), strict=True)
    ]
    lines.append(["total", *map(usd, sums.sum().tolist())])
    return table((by, *titles), lines, widths=(18, *([12] * len(options))), size=6)


def _crossings_and_coverage(found: Evaluation, crossings: Sequence[Compared]) -> list[Flowable]:
    story: list[Flowable] = [heading("When two options cross")]
    ranked = found.ranking.options
    if len(ranked) >= MOST_DRAWN:
        lines = frames.cumulative_table(found, ranked[:MOST_DRAWN])
        month = frames.crossing_month(lines)
        says = "never cross" if month is None else f"cross in {month:%B %Y}"
        title = f"Cost so far of the two cheapest: within the horizon they {says}"
        story.append(picture(cost.cumulative_cost(lines, title=title, crossing=month)))
    else:
        story.append(words("One option is ranked: there is nothing to cross."))
    if crossings:
        rows = [
            [one.question, *one.titles, "never" if one.month is None else str(one.month)]
            for one in crossings
        ]
        titles = ("cheaper against dearer of", "cheaper", "dearer", "cross in month")
        story.append(table(titles, rows, widths=(34, 26, 26, 14), size=6.5))
    story += [Spacer(1, 6), heading("What moves the answer most")]
    swings = frames.tornado_table(found)
    if swings.empty:
        story.append(words("No assumption of the cheapest option has a range."))
    else:
        best = ranked[0]
        assert best.money is not None
        chart = uncertainty.tornado(
            swings,
            likely_usd=best.money.basis_usd,
            title=f"Total of {best.title} at the low and high value of each assumption",
        )
        story.append(picture(chart, width=430, height=28 * len(swings) + 30))
    story += [Spacer(1, 6), heading("What each total covers")]
    return [*story, _coverage(found), *_more_options(found)]


def _coverage(found: Evaluation) -> Flowable:
    """Say for each phase and option whether it is priced, left out for a reason, or forgotten."""
    answers = frames.priced(found)[:MOST_RANKED]
    stands = {(one.option, one.phase): one.state for one in coverage(found.scenario, found.ledger)}
    rows = [
        [str(phase), *(COVERED[stands[answer.option, phase]] for answer in answers)]
        for phase in Phase
    ]
    titles = ("phase", *(answer.title for answer in answers))
    return table(titles, rows, widths=(14, *([12] * len(answers))), size=6)


def _grounds(found: Evaluation) -> list[Flowable]:
    story: list[Flowable] = [heading("How well the figures are known")]
    answers = frames.priced(found)[:MOST_RANKED]
    grades = list(dict.fromkeys(g for a in answers if a.money for g in a.money.evidence_shares))
    shares = [
        [answer.title, *(f"{answer.money.evidence_shares.get(g, 0.0):.0%}" for g in grades)]
        for answer in answers
        if answer.money is not None
    ]
    story.append(
        table(("share of cost by grade", *grades), shares, widths=(40, *([12] * len(grades))))
    )
    story += [*_more_options(found), Spacer(1, 6), heading("Assumptions that carry a range")]
    drivers = [d for d in found.model.drivers().values() if d.low is not None]
    rows = [
        [
            d.name,
            f"{d.likely:,.4g} {d.unit.removeprefix('-')}",
            f"{d.low:,.4g} to {d.high:,.4g}",
            str(d.evidence),
        ]
        for d in drivers[:MOST_ASSUMPTIONS]
    ]
    story.append(
        table(
            ("assumption", "likely", "P5 to P95", "evidence"),
            rows,
            widths=(56, 20, 22, 12),
            size=6.5,
        )
    )
    story += and_more(len(drivers) - MOST_ASSUMPTIONS, "assumption", ", in the workbook")
    story += [Spacer(1, 6), heading("What this rests on")]
    story += [words(f"{name}: {text}", 7) for name, text in facts_of(found).items()]
    return story
