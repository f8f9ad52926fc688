"""What our own measurements make of the cost of embeddings."""

import pytest

from tests import shipped

FOUND = "semantic-search/high-volume"
OPTIONS = ("minilm-int8", "minilm-cpu", "minilm-torch")


def per_1k_usd(option: str) -> float:
    answers = {answer.option: answer for answer in shipped.evaluated(FOUND).ranking.options}
    money = answers[option].money
    assert money is not None
    return money.cost_per_1k_usd


def test_eight_bits_are_cheaper_than_32_and_torch_is_the_dearest():
    costs = [per_1k_usd(option) for option in OPTIONS]
    assert costs == sorted(costs)
    assert costs[1] > 1.02 * costs[0], "measured speeds lie 2.4 times apart"


@pytest.mark.parametrize("option", OPTIONS)
def test_seconds_come_from_our_own_measurement_and_say_what_lacks(option):
    ranking = shipped.evaluated(FOUND).ranking
    (answer,) = [answer for answer in ranking.options if answer.option == option]
    assert answer.latency is not None
    assert "measured in process" in answer.latency.source
    rows = shipped.evaluated(FOUND).ledger
    used = rows[(rows["option"] == option) & (rows["kind"] == "used")]
    assert used["quantity_ref"].str.contains("our harness").all()
    assert used["quantity_ref"].str.contains("the processor that is rented may be another").all()
