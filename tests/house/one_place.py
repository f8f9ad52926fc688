"""Find the code that multiplies a quantity by a price.

Only ``tco/ledger/model.py`` may: then every total, chart and export is a sum over its lines.
Units stand in our names, so the names tell. A name that mentions a price is a price even where it
also mentions what the price is per (``usd_per_hour``); a name in capitals is a conversion.
"""

import ast
import re
from collections.abc import Iterator

PRICE = {"cost", "costs", "eur", "fee", "price", "prices", "salary", "tariff", "usd", "wage"}
QUANTITY = {
    "count",
    "counts",
    "gb",
    "hour",
    "hours",
    "joules",
    "kwh",
    "minutes",
    "quantities",
    "quantity",
    "requests",
    "seconds",
    "tokens",
}
MULTIPLYING_CALLS = {"dot", "einsum", "inner", "mul", "multiply", "outer", "prod", "tensordot"}


def products_of_quantity_and_price(source: str) -> list[int]:
    """Give the lines on which a quantity meets a price."""
    return sorted(
        {
            line
            for line, factors in _products(ast.parse(source))
            if any(
                _mentions(one, PRICE) and _mentions(other, QUANTITY)
                for one in factors
                for other in factors
                if one is not other
            )
        }
    )


def _products(tree: ast.AST) -> Iterator[tuple[int, list[ast.AST]]]:
    for node in ast.walk(tree):
        match node:
            case ast.BinOp(left=left, op=ast.Mult() | ast.MatMult(), right=right):
                yield node.lineno, [left, right]
            case ast.AugAssign(target=left, op=ast.Mult() | ast.MatMult(), value=right):
                yield node.lineno, [left, right]
            case ast.Call(func=ast.Attribute(value=of, attr=name), args=args) if (
                name in MULTIPLYING_CALLS
            ):
                parts = [
                    part
                    for arg in args
                    for part in (arg.elts if isinstance(arg, ast.List | ast.Tuple) else [arg])
                ]
                yield node.lineno, [of, *parts]


def _mentions(tree: ast.AST, words: set[str]) -> bool:
    found = (_words(name) for node in ast.walk(tree) for name in _names(node))
    return any(
        bool(mentioned & words) and (words is PRICE or not mentioned & PRICE) for mentioned in found
    )


def _names(node: ast.AST) -> list[str]:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return [] if name.isupper() else [name]
        case ast.Subscript(slice=ast.Constant(value=str(name))):  # table["hours"]
            return [name]
    return []


def _words(name: str) -> set[str]:
    return set(re.findall(r"[a-z]+", name.lower()))
