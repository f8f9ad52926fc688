"""A whole evaluation as plain data, and as Markdown for a pull request."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from tco.charts.frames import priced
from tco.export.facts import facts_of
from tco.export.ranking import ranking_document
from tco.export.report import answer_sentence
from tco.plan import Evaluation
from tco.rank.comparison import Compared

SCHEMA = "tco/evaluation/1"
MARKDOWN_SIGNS = re.compile(r"([\\`*_{}\[\]<>|#])")


def evaluation_json(found: Evaluation, crossings: Sequence[Compared]) -> bytes:
    """Write the evaluation as one JSON document: facts, ranking, assumptions, every row."""
    rows = found.ledger.assign(month=found.ledger["month"].dt.strftime("%Y-%m-%d"))
    document = {
        "schema": SCHEMA,
        "facts": facts_of(found),
        "ranking": ranking_document(found, crossings),
        "assumptions": [
            {
                "name": driver.name,
                "unit": driver.unit,
                "likely": driver.likely,
                "low": driver.low,
                "high": driver.high,
                "evidence": driver.evidence.value,
                "source": driver.source,
                "checked_on": driver.checked_on and driver.checked_on.isoformat(),
            }
            for driver in found.model.drivers().values()
        ],
        "ledger": json.loads(rows.to_json(orient="records", double_precision=15)),
    }
    return (json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def evaluation_markdown(found: Evaluation) -> str:
    """Write the answer as a comment on a pull request: the sentence, the table, the facts."""
    lines = [
        f"### {plain(found.scenario.title)}",
        "",
        f"**{plain(answer_sentence(found))}**",
        "",
        *(f"- {plain(sentence)}" for sentence in found.outlook.flip_sentences),
        "",
        "| rank | option | total [USD] | per 1,000 [USD] | P10 to P90 [USD] | status |",
        "| --- | --- | ---: | ---: | ---: | --- |",
    ]
    for answer in priced(found):
        assert answer.money is not None
        known = found.outlook.uncertainty.ranges.get(answer.option)
        spread = ""
        if known is not None:
            ends = (known.total_usd[10], known.total_usd[90])
            spread = " to ".join("not known" if end is None else f"{end:,.0f}" for end in ends)
        lines.append(
            f"| {answer.rank or ''} | {plain(answer.title)} | {answer.money.basis_usd:,.2f} "
            f"| {answer.money.cost_per_1k_usd:,.4f} | {spread} | {answer.status} |"
        )
    facts = facts_of(found)
    lines += [
        "",
        f"<sub>{plain(facts['Product'])}, {plain(found.scenario.id)} "
        f"{facts['Scenario digest'][:8]}, prices of "
        f"{facts['Prices of']}, {facts['Basis']} USD, {facts['What this is']}</sub>",
        "",
    ]
    return "\n".join(lines)


def plain(text: str) -> str:
    r"""Keep what a person typed from becoming Markdown or HTML.

    >>> plain("a|b *c*")
    'a\\|b \\*c\\*'
    """
    return MARKDOWN_SIGNS.sub(r"\\\1", " ".join(text.split()))
