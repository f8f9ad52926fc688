"""What runs today, while an option is still being made."""

from __future__ import annotations

from dataclasses import replace

from tco.domain.scenario import Incumbent
from tco.ledger.expression import Expression
from tco.ledger.lifecycle import add_incumbent_lines
from tco.ledger.model import LineMaker


def add_incumbent_until_live(
    make: LineMaker, incumbent: Incumbent, requests: Expression, months: Expression
) -> None:
    """Carry its bill on in the months of a lead time, under the option that is waited for.

    Args:
        make: Of the option that is not live yet.
        incumbent: What runs today.
        requests: Requests of each month, over the whole horizon.
        months: 1 in the months of the lead time, 0 after it.
    """
    whole = LineMaker(make.option, make.snapshot)
    add_incumbent_lines(whole, incumbent, requests)
    make.lines += [
        replace(
            line,
            quantity=line.quantity * months,
            volume=None if line.volume is None else line.volume * months,
        )
        for line in whole.lines
    ]
