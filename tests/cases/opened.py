"""Reads an opened number as a person with a pocket calculator would."""

import re
from collections.abc import Iterator

from tco.ledger.explain import Opened

AMOUNT = re.compile(r"-?\$[\d,]*\d(?:\.\d+)?")
QUANTITY_TIMES_PRICE = re.compile(r"^([\d,.]+) (.+) x (-?\$[\d,.]+) per (.+) = (-?\$[\d,.]+)$")


def amounts_in(text: str) -> list[str]:
    return AMOUNT.findall(text)


def dollars(text: str) -> float:
    return float(text.replace("$", "").replace(",", ""))


def first_amount(node: Opened) -> float:
    """Read what a node costs: the last amount of its line, as in 'big costs $5.00 in 2027-01'."""
    return dollars(amounts_in(node.text)[-1])


def products_of(tree: Opened) -> Iterator[tuple[float, float]]:
    """Yield what a calculator says of each printed quantity x price, and what was printed."""
    for text in tree.lines():
        found = QUANTITY_TIMES_PRICE.match(text.strip())
        if found is not None:
            quantity, unit, price, of, cost = found.groups()
            assert unit == of
            yield float(quantity.replace(",", "")) * dollars(price), dollars(cost)
