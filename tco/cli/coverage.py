"""Which phases each total covers, as a table on the screen."""

from __future__ import annotations

from rich.table import Table

from tco.domain.cost import Phase
from tco.ledger.coverage import State, coverage
from tco.plan import Evaluation

SIGNS = {State.PRICED: "+", State.NONE: "-", State.ELSEWHERE: "in", State.SILENT: "?"}


def coverage_table(found: Evaluation) -> Table:
    """Show which phases each option prices (+), lacks (-), pays elsewhere (in), or leaves open."""
    table = Table(
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
        style="dim",
        caption="+ priced, - none, in: included elsewhere, ? nobody says",
        caption_justify="left",
    )
    table.add_column("phases")
    for phase in Phase:
        table.add_column(phase.value[:8], justify="center")
    signs: dict[str, list[str]] = {}
    for one in coverage(found.scenario, found.ledger):
        signs.setdefault(one.option, []).append(SIGNS[one.state])
    for option, row in signs.items():
        table.add_row(option, *row)
    return table
