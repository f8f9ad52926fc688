"""Hours of training off a measured step, and what such a step must agree with."""

from typing import Any

import pytest

from tco.domain.hardware import Instance
from tco.domain.measured import Measured, Point
from tco.domain.snapshot import Snapshot
from tco.domain.training_plan import ComputeJob
from tco.errors import InfeasibleError, MissingFigureError
from tco.ledger.expression import Driver, Expression, leaves_of
from tco.ledger.option import likely_months
from tco.ledger.training_hours import Site, work_hours
from tests import shipped
from tests.cases import worked_plans
from tests.ledger.test_development import job
from tests.measure.sweeps import card, measured

ROWS = {"rows": {"likely": 30_000}, "epochs": {"likely": 2}, "packing": False}


def step(rows: int, seconds: float, *, tokens: int = 128, **times: Any) -> Point:
    return Point.model_validate(
        {
            "phase": "train_step",
            "batch": rows,
            "input_size": tokens,
            "seconds": {"median": seconds} | times,
            "throughput_unit": "items",
        }
    )


def training(*points: Point, card_name: str = "Card", cards: int = 1, **changes: Any) -> Measured:
    fields = {
        "id": "own.train",
        "kind": "training",
        "subject": {"snapshot": "own", "source": "made by hand", "weights": "trained"},
        "hardware": {"name": card_name, "accelerator_count": cards, "processor": "Some CPU"},
        "runtime": {"name": "torch", "mode": "full", "threads": 2},
    }
    return measured(points, **(fields | changes))


def snapshot(**changes: Any) -> Snapshot:
    plain = worked_plans.scenario("static-fleet").snapshots["own"].model_dump()
    return Snapshot.model_validate(plain | changes)


def hours(
    known: Measured,
    *,
    accelerator: str | None = "Card",
    cards: int = 1,
    tokens: float = 128,
    own: Snapshot | None = None,
    **over: Any,
) -> Expression:
    data = ROWS | {"sequence_tokens": {"likely": tokens}}
    length = {"data": data, "measured": "own.train"}
    one = ComputeJob.model_validate(job(length=length, parameters=None) | over)
    instance = Instance(
        seller="s",
        region="r",
        instance_type="box",
        accelerator=accelerator,
        accelerator_count=cards if accelerator else 0,
    )
    site = Site(instance, None if accelerator is None else card(accelerator))
    return work_hours(one, own or snapshot(), site, "job", {known.id: known})


def likely(found: Expression) -> float:
    return float(likely_months(found, 1)[0])


def rate(found: Expression) -> Driver:
    (driver,) = [
        leaf
        for leaf in leaves_of(found)
        if isinstance(leaf, Driver) and leaf.name == "job.length.measured"
    ]
    return driver


def test_hours_are_the_tokens_over_the_quickest_measured_step():
    # 8 x 128 tokens in half a second are 2,048 a second; two epochs of 30,000 rows, 7.68 million.
    found = hours(training(step(1, 0.125), step(8, 0.5)))
    assert likely(found) == pytest.approx(7.68e6 / 2048 / 3600)
    assert rate(found).evidence == "imported"
    assert "a step of 8 rows of 128 tokens takes 0.5 s with torch, full" in rate(found).source


def test_repeats_give_the_rate_its_range():
    driver = rate(hours(training(step(8, 0.5, repeat_medians=(0.4, 0.5, 0.8)))))
    assert driver.likely == 2048
    assert (driver.low, driver.high) == pytest.approx((2048 * 0.5 / 0.8, 2048 * 0.5 / 0.4))


def test_the_smallest_measured_length_that_holds_a_row_is_taken():
    known = training(step(8, 0.5), step(8, 1.0, tokens=256))
    assert rate(hours(known, tokens=200)).likely == 2048
    longer = rate(hours(known, tokens=512))
    assert longer.evidence == "estimated"
    assert "rows are longer here, 512 tokens" in longer.source


def test_cards_of_one_machine_share_the_rows_and_that_is_an_estimate():
    one, four = (hours(training(step(8, 0.5)), cards=cards) for cards in (1, 4))
    assert likely(four) == pytest.approx(likely(one) / 4)
    assert rate(four).evidence == "estimated"


def test_on_a_processor_a_machine_runs_one_process_on_what_may_be_another_processor():
    found = hours(training(step(8, 0.5), card_name="CPU", cards=0), accelerator=None)
    assert rate(found).likely == 2048
    assert rate(found).evidence == "estimated"
    assert "measured on Some CPU" in rate(found).source


def test_a_tuned_child_is_trained_as_its_parent_or_its_shape():
    known = training(step(8, 0.5), subject=training(step(1, 1)).subject.model_copy(
        update={"snapshot": "base"}).model_dump())  # fmt: skip
    for own in (
        snapshot(same_shape_as="base"),
        snapshot(training={"approach": "full fine-tune", "parent": "base"}),
    ):
        assert likely(hours(known, own=own)) > 0
    student = snapshot(training={"approach": "distilled", "parent": "base"})
    for other in (None, student):
        with pytest.raises(InfeasibleError, match="trained base, and the job trains own"):
            hours(known, own=other)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"accelerator": "Other"}, "was measured on Card, and box has Other"),
        ({"accelerator": None}, "was measured on Card, and box has no accelerator"),
        (
            {"method": "lora", "trained_parameters": {"likely": 1e5}},
            "by method 'full', and the job's is 'lora'",
        ),
    ],
)
def test_another_method_or_hardware_is_refused(changes, message):
    with pytest.raises(InfeasibleError, match=message):
        hours(training(step(8, 0.5)), **changes)


def test_fewer_cards_than_were_measured_are_refused():
    with pytest.raises(InfeasibleError, match=r"own\.train took 8 Card, and box has 4"):
        hours(training(step(8, 0.5), cards=8), cards=4)


def test_a_name_that_nobody_measured_hears_what_is_near():
    with pytest.raises(
        MissingFigureError, match=r"no measured training step 'own.train'.*own.trai"
    ):
        hours(training(step(8, 0.5), id="own.train2"))


def test_the_shipped_tuned_model_is_trained_by_our_own_measured_step():
    rows = shipped.evaluated("semantic-search/base").ledger
    own = rows[(rows["option"] == "minilm-tuned") & (rows["phase"] == "training")]
    (run,) = [row for _, row in own.iterrows() if "training" in str(row["item"])]
    known = shipped.data()[1].trainings["all-minilm-l6-v2.train-full-fp32.cpu-2-threads"]
    (eight,) = [point for point in known.points if point.batch == 8]
    expected = 120_000 * 2 * 128 / (8 * 128 / eight.seconds.typical) / 3600
    assert run["quantity"] == pytest.approx(expected, rel=1e-9)
    assert run["evidence"] == "estimated"
    assert "our harness" in run["quantity_ref"]
