"""From prices just read to a user's own tables: shown first, written whole, lost never."""

from datetime import date
from decimal import Decimal

import pytest

from tco.errors import InputError, NotFoundError, PriceSourceError, TcoError
from tco.prices import Catalog, schema
from tco.prices.fetch_aws import AwsPrices
from tco.prices.fetch_azure import AzurePrices
from tco.prices.overlay import Change, add_rows, compare
from tco.prices.refresh import machines_of, patient, refresh, source_for
from tco.prices.retry import Busy
from tests.prices.aws_replies import EGRESS, G6, dimension, offer, product, spot
from tests.prices.conftest import SHIPPED, TODAY, wanted


def run(catalog, aws, diary, folder, shown=None):
    return refresh(
        catalog,
        wanted(catalog, "g6.xlarge"),
        AwsPrices(aws.clients),
        folder=folder,
        retry=diary.retry,
        show=(shown if shown is not None else []).extend,
    )


def test_changes_are_shown_and_new_dated_rows_take_over(aws, shipped, diary, tmp_path):
    aws.whole()
    shown: list[Change] = []
    outcome = run(shipped, aws, diary, tmp_path / "mine", shown)
    changes = {change.sku: change for change in shown}
    listed = changes["aws/us-east-1/g6.xlarge/on_demand"]
    assert (listed.old, listed.new) == (Decimal("0.8048"), Decimal("0.9048"))
    assert listed.share == pytest.approx(0.1243, abs=1e-4)
    plan_change = changes["aws/us-east-1/g6.xlarge/savings_plan/12/no_upfront"]
    assert (plan_change.old, plan_change.share) == (None, None)
    assert changes["aws/us-east-1/egress-internet/0"].share == 0
    assert outcome.complete
    assert {path.name for path in outcome.written} == {
        "instances.csv", "commitments.csv", "services.csv"
    }  # fmt: skip
    again = Catalog.load(SHIPPED, overlays=[tmp_path / "mine"])
    quote = again.compute("aws", "us-east-1", "g6.xlarge", on=TODAY)
    assert (quote.usd, quote.label) == (Decimal("0.9048"), "user overlay")
    before = again.compute("aws", "us-east-1", "g6.xlarge", on=date(2026, 11, 30))
    assert before.usd == Decimal("0.8048")


def test_what_is_listed_at_0_is_not_sold_and_left_out(aws, shipped, diary, tmp_path):
    aws.listed(product(OnDemand={"a": offer(dimension("0.0000000000"))}))
    aws.spots(spot("us-east-1a", "0.40", 1))
    aws.rates()
    aws.listed(EGRESS)
    outcome = run(shipped, aws, diary, tmp_path)
    assert "1 listed at 0 left out" in outcome.summary
    assert [change.row.get("purchase") for change in outcome.changes] == ["spot", None, None]


def test_a_dry_run_writes_nothing(aws, shipped, diary, tmp_path):
    aws.whole()
    outcome = run(shipped, aws, diary, None)
    assert outcome.summary == "8 prices read, 6 new or changed; nothing written"
    assert list(tmp_path.iterdir()) == []


def test_a_second_run_on_the_same_day_replaces_its_own_rows(aws, diary, tmp_path):
    for _ in range(2):
        aws.whole()
        run(Catalog.load(SHIPPED), aws, diary, tmp_path)
    lines = (tmp_path / "instances.csv").read_text().splitlines()
    assert len(lines) == 1 + 3


def test_what_was_read_before_a_failure_is_kept(aws, shipped, diary, tmp_path):
    aws.listed(G6)
    aws.ec2.add_client_error("describe_spot_price_history", "UnauthorizedOperation")
    outcome = run(shipped, aws, diary, tmp_path)
    assert not outcome.complete
    assert "Not complete: EC2 spot price history" in outcome.summary
    catalog = Catalog.load(SHIPPED, overlays=[tmp_path])
    assert catalog.compute("aws", "us-east-1", "g6.xlarge", on=TODAY).usd == Decimal("0.9048")


def test_what_was_read_before_a_person_stopped_it_is_kept(aws, shipped, diary, tmp_path):
    class Stopped:
        def rows(self, request, retry):
            yield from AwsPrices(aws.clients)._listed(request.machines[0], request, retry)
            raise KeyboardInterrupt

    aws.listed(G6)
    outcome = refresh(
        shipped, wanted(shipped, "g6.xlarge"), Stopped(), folder=tmp_path, retry=diary.retry,
        show=lambda changes: None,
    )  # fmt: skip
    assert "Not complete: stopped by hand" in outcome.summary
    assert (tmp_path / "instances.csv").exists()


def test_a_failure_before_the_first_price_changes_nothing(aws, shipped, diary, tmp_path):
    aws.pricing.add_client_error("get_products", "AccessDeniedException")
    with pytest.raises(PriceSourceError, match="AccessDeniedException"):
        run(shipped, aws, diary, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_row_that_is_not_valid_leaves_the_old_table_in_force(aws, shipped, diary, tmp_path):
    aws.whole()
    run(shipped, aws, diary, tmp_path)
    before = (tmp_path / "instances.csv").read_bytes()
    bad = {"seller": "=cmd()", "purchase": "on_demand", "price": "-1"}
    with pytest.raises(InputError, match="would run as a formula"):
        add_rows(tmp_path, schema.INSTANCES, [bad])
    assert (tmp_path / "instances.csv").read_bytes() == before


def test_a_write_that_dies_midway_leaves_the_old_table(aws, shipped, diary, tmp_path, monkeypatch):
    aws.whole()
    run(shipped, aws, diary, tmp_path)
    before = (tmp_path / "instances.csv").read_bytes()

    def dies(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", dies)
    aws.whole()
    with pytest.raises(TcoError, match="No space left"):
        run(shipped, aws, diary, tmp_path)
    assert (tmp_path / "instances.csv").read_bytes() == before
    assert not [file for file in tmp_path.iterdir() if file.suffix != ".csv"]


def test_a_folder_that_cannot_be_made_is_named(shipped, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(TcoError, match="cannot be made"):
        add_rows(blocked / "mine", schema.INSTANCES, [instance()])


def instance(**cells):
    return {
        "seller": "aws", "region": "us-east-1", "instance_type": "g6.xlarge", "vcpus": "4",
        "purchase": "on_demand", "price": "1", "unit": "instance-hour", "currency": "USD",
        "checked_on": "2026-12-01", "source": "test", "evidence": "published", **cells,
    }  # fmt: skip


def test_a_change_from_nothing_has_no_percentage(shipped):
    (change,) = compare(shipped, schema.INSTANCES, [instance(instance_type="new.large")])
    assert (change.old, change.share) == (None, None)


def test_machines_are_those_named_or_all_that_are_known(shipped):
    assert len(machines_of(shipped, "azure", "westeurope", None)) == 1
    (elsewhere,) = machines_of(shipped, "azure", "westeurope", ["Standard_D8s_v5"])
    assert elsewhere.vcpus == 8
    with pytest.raises(NotFoundError, match="Near it: eastus"):
        machines_of(shipped, "azure", "eastus9", None)
    with pytest.raises(NotFoundError, match=r"g6\.xlarge"):
        machines_of(shipped, "aws", "us-east-1", ["g6.xlarg"])


def test_other_clouds_are_not_read():
    assert isinstance(source_for("azure", "eastus"), AzurePrices)
    assert isinstance(source_for("aws", "us-east-1"), AwsPrices)
    with pytest.raises(NotFoundError, match="no price API 'gcp'"):
        source_for("gcp", "us-central1")


def test_a_service_that_says_how_long_to_wait_is_obeyed(diary):
    answers = iter([Busy("status 429", 3.0), Busy("status 429", 9999.0)])

    def ask():
        for busy in answers:
            raise busy
        return "done"

    assert diary.retry.call("it", ask) == "done"
    assert diary.waits == [3.0, 20.0]
    assert callable(patient(print).sleep)
