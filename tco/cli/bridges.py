"""A bridge between two totals on the screen, in Markdown and as plain data."""

from __future__ import annotations

from typing import Any

from tco.ledger.bridge import Bridge


def document(found: Bridge, old: str, new: str) -> dict[str, Any]:
    """Write the bridge as plain data."""
    return {
        "schema": "tco/diff/1",
        "old": {"scenario": old, "option": found.old_option, "tco_usd": found.old_usd},
        "new": {"scenario": new, "option": found.new_option, "tco_usd": found.new_usd},
        "difference_usd": found.new_usd - found.old_usd,
        "parts_usd": {mover.value: amount for mover, amount in found.parts_usd.items()},
    }


def table(found: Bridge, old: str, new: str, *, markdown: bool) -> str:
    """Write the bridge as lines from the old total to the new one."""
    difference = found.new_usd - found.old_usd
    share = f" ({difference / found.old_usd:+.1%})" if found.old_usd else ""
    rows = [(f"{old}: {found.old_option}", f"${found.old_usd:,.2f}")]
    rows += [
        (mover.value, f"{'-' if amount < 0 else '+'}${abs(amount):,.2f}")
        for mover, amount in found.parts_usd.items()
        if amount != 0
    ]
    rows.append((f"{new}: {found.new_option}", f"${found.new_usd:,.2f}"))
    sign = "-" if difference < 0 else "+"
    rows.append(("difference", f"{sign}${abs(difference):,.2f}{share}"))
    if markdown:
        lines = ["| what moved | USD |", "|---|---:|"]
        return "\n".join([*lines, *(f"| {name} | {amount} |" for name, amount in rows)])
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {amount:>20}" for name, amount in rows)
