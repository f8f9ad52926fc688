"""Names of drivers and amounts as people read them."""

from __future__ import annotations

import re

LABOUR = "price.people."
STAFF = re.compile(r"(?:candidates\.(?P<option>[^.]+)\.)?lifecycle\.people\.(?P<work>[^.]+)\.fte")
PLAIN = {
    "price": "the price of",
    "people": "",
    "workload": "",
    "candidates": "",
    "snapshots": "",
    "organisation": "",
    "deployment": "",
    "lifecycle": "",
    "volume_drivers": "",
    "tokens": "",
    "sessions": "",
    "price_paths": "the price path",
    "price_events": "the price event",
}


def in_words(name: str) -> str:
    """Write the name of a driver in words.

    >>> in_words("workload.requests_per_month")
    'requests per month'
    >>> in_words("price.openai/gpt-5-mini.standard.output")
    'the price of openai/gpt-5-mini standard output'
    >>> in_words("candidates.own.deployment.service.seconds")
    'own service seconds'
    >>> in_words("price.people.ml_engineer")
    'the price of an hour of ml engineer'
    >>> in_words("candidates.own.lifecycle.people.on_call.fte")
    'the staff of own for on call'
    """
    if name.startswith(LABOUR):
        return f"the price of an hour of {name.removeprefix(LABOUR).replace('_', ' ')}"
    if staff := STAFF.fullmatch(name):
        whose = f" of {staff['option']}" if staff["option"] else ""
        return f"the staff{whose} for {staff['work'].replace('_', ' ')}"
    # A dot within a model's version is no step of the path.
    steps = re.split(r"\.(?!\d)", name)
    words = [PLAIN.get(step, step.replace("_", " ")) for step in steps]
    return " ".join(word for word in words if word)


def amount(value: float) -> str:
    """Write a number so that its size is seen at a glance: four digits, with thousands marked.

    >>> amount(2_345_678), amount(0.012345), amount(12)
    ('2,346,000', '0.01235', '12')
    """
    digits = 4
    rounded = float(f"{value:.{digits}g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 10**digits else f"{rounded:,.{digits}g}"
