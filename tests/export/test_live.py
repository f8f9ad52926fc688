"""Every live assumption, changed once in the workbook, gives what planning anew gives."""

from collections.abc import Iterator

import pytest

from tco.charts.frames import priced
from tco.export.live import VOLUME, decides, live_ranges
from tco.export.workbook import workbook
from tco.ledger.expression import leaves_of
from tco.ledger.option import parts_of_option
from tco.plan import Evaluation, requests_of
from tests.export.moved import planned_anew, with_value
from tests.export.recalculated import Recalculated
from tests.shipped import evaluated

TOLERANCE, OF_VOLUME = 0.001, 0.005
DISCOUNT = "organisation.discount_rate_per_year"
"""Moves today's value alone, which stands in a column of its own."""


def moved(book: Recalculated) -> dict[str, float]:
    """Another value for each live assumption, within what the workbook allows and its range."""
    values = {}
    for name, (_, cells) in book.assumption_rows().items():
        if cells[6] != "live":
            continue
        likely, tops, bottoms = cells[4], (cells[5], cells[8]), (cells[3], cells[7])
        value = likely * 1.1 if likely else 0.05
        value = min([value, *(top for top in tops if top is not None)])
        if value == likely:
            value = max([likely * 0.9, *(low for low in bottoms if low is not None)])
        values[name] = value
    return values


def options_of(found: Evaluation) -> dict[str, set[str]]:
    """The options whose cost rests on each driver."""
    rest: dict[str, set[str]] = {}
    for line in found.model.lines:
        for expression in (line.quantity, line.unit_price_usd):
            for leaf in leaves_of(expression):
                rest.setdefault(leaf.name, set()).add(line.option)
    return rest


def one_an_option(found: Evaluation, values: dict[str, float]) -> Iterator[dict[str, float]]:
    """Yield changes that can be made at once, as no option meets two of them."""
    rest = options_of(found)
    left = dict(values)
    while left:
        taken: set[str] = set()
        batch = {}
        for name in list(left):
            if not taken & rest[name]:
                taken |= rest[name]
                batch[name] = left.pop(name)
        yield batch


def test_every_live_assumption_gives_what_planning_anew_gives():
    found = evaluated("ticket-classification/base")  # has lines of every kind
    book = Recalculated(workbook(found))
    rows, rest = book.assumption_rows(), options_of(found)
    values = moved(book)
    values.pop(DISCOUNT)
    before, followed = book.totals(), set()
    for batch in one_an_option(found, values):
        for driver, value in batch.items():
            book.write("Assumptions", rows[driver][0], 2, value)
        after = book.totals()
        for answer in priced(planned_anew(found.scenario, batch)):
            assert answer.money is not None
            changed = [driver for driver in batch if answer.option in rest[driver]]
            assert len(changed) <= 1
            room = OF_VOLUME if changed and changed[0].startswith(VOLUME) else TOLERANCE
            total = after[answer.title]
            assert total == pytest.approx(answer.money.tco_usd, rel=room), changed
            if total != before[answer.title]:
                followed.update(changed)
        for driver in batch:
            book.write("Assumptions", rows[driver][0], 2, rows[driver][1][4])
    assert len(followed) > 0.8 * len(values), set(values) - followed


def test_the_discount_rate_moves_todays_value_as_planning_anew_does():
    found = evaluated("fraud-scoring/base")
    book = Recalculated(workbook(found))
    row, cells = book.assumption_rows()[DISCOUNT]
    value = cells[4] + 0.02
    book.set("Assumptions", row, 2, value)
    shown = book.totals(column=7)
    anew = priced(planned_anew(found.scenario, {DISCOUNT: value}))
    assert {answer.title for answer in anew} == set(shown)
    for answer in anew:
        assert answer.money is not None
        assert shown[answer.title] == pytest.approx(answer.money.pv_usd, rel=1e-9)
        assert shown[answer.title] != pytest.approx(answer.money.tco_usd, rel=1e-3)


def test_prices_that_a_commitment_was_chosen_by_are_fixed():
    found = evaluated("clinical-coding/high-volume")
    chosen = decides(found.model, found.scenario)
    assert chosen
    assert {name.rpartition(".")[2] for name in chosen} == {"on_demand", "commit_1y"}
    limits = live_ranges(found)
    assert {name for name in chosen if limits[name] is not None} == set()
    assert any(name.startswith("price.") and known for name, known in limits.items())


def test_volume_may_move_only_as_far_as_no_stage_begins_in_another_month():
    found = evaluated("coding-assistant/base")
    name = "workload.volume_drivers.users"
    limits = live_ranges(found)[name]
    assert limits is not None
    assert limits.low is not None
    assert limits.high is not None

    def months_of(value: float) -> list[tuple[int, int]]:
        scenario = with_value(found.scenario, name, value)
        parts, _ = parts_of_option(scenario, "api-then-own", requests_of(scenario))
        return [(part.first_month, part.last_month) for part in parts]

    likely = found.model.drivers()[name].likely
    today = months_of(likely)
    assert limits.low < likely < limits.high
    for end, beyond in ((limits.low, -1e-6), (limits.high, 1e-6)):
        assert months_of(end) == today
        assert months_of(end * (1 + beyond)) != today
