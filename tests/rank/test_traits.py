"""Options side by side: what is computed sums its lines; what nobody said is not filled."""

from tco.domain.changes import with_inputs
from tco.ledger.book import total_usd
from tco.rank.traits import Compared, How
from tests.shipped import evaluated

NAME = "ticket-classification/base"


def test_cost_of_making_and_serving_is_the_sum_of_their_lines():
    found = evaluated(NAME)
    answers = list(found.ranking.options)
    table = Compared(found.scenario, found.model, found.ledger).table(answers)
    rows = found.ledger
    for row, phases in (
        ("Training and experiments", ["experimentation", "training"]),
        ("Inference", ["inference"]),
    ):
        for answer, cell in zip(answers, table[row], strict=True):
            own = rows[(rows["option"] == answer.option) & rows["phase"].isin(phases)]
            assert cell.text.startswith(f"USD {total_usd(own):,.0f}")
            assert cell.how is How.COMPUTED


def test_what_nobody_has_said_is_shown_as_that_and_a_typed_score_with_its_reason():
    found = evaluated(NAME)
    answers = list(found.ranking.options)
    before = Compared(found.scenario, found.model, found.ledger).table(answers)["Support"]
    assert {cell.how for cell in before} == {How.UNKNOWN}
    option = answers[0].option
    score = {"score": 2, "reason": "no contract, only a forum"}
    typed = with_inputs(found.scenario, {("candidates", option, "scores", "support"): score})
    after = Compared(typed, found.model, found.ledger).table(answers)["Support"]
    assert (after[0].text, after[0].how) == ("2 of 5: no contract, only a forum", How.TYPED)
    assert after[1:] == before[1:]
