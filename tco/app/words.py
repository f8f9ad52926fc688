"""Text for people: amounts as cards show them, and text that no screen may read as markup."""

from __future__ import annotations

import re

FOUR_DIGITS = 1e4
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+!|~$<>:])")


def plain(text: str) -> str:
    r"""Write text so that it is shown as it is: what people typed is never markup.

    >>> print(plain("a *b* costs $5"))
    a \*b\* costs \$5
    """
    return _MARKUP.sub(r"\\\1", text)


def begun(text: str) -> str:
    """Write a text with a capital in front and the rest as it is.

    >>> begun("per 1M tokens")
    'Per 1M tokens'
    """
    return text[:1].upper() + text[1:]


def money(usd: float) -> str:
    """Write money to the dollar; the credit sign before the currency.

    >>> money(1234567.4), money(-12.3)
    ('USD 1,234,567', '-USD 12')
    """
    return f"{'-' if usd < 0 else ''}USD {abs(usd):,.0f}"


def significant(usd: float) -> str:
    """Write a unit cost with four digits that tell.

    >>> significant(0.0123456), significant(12.3456), significant(12345.6)
    ('0.01235', '12.35', '12,346')
    """
    return f"{usd:,.0f}" if abs(usd) >= FOUR_DIGITS else f"{usd:,.4g}"
