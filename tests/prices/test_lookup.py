"""Looking prices up, in code and by the command."""

import json
from datetime import date

import pytest
from typer.testing import CliRunner

from tco.cli.main import app
from tco.domain.price import Purchase
from tco.errors import InputError, NotFoundError, PriceNotFoundError
from tco.prices.fetch_azure import AzurePrices
from tco.prices.lookup import offers, per_accelerator_usd
from tests.prices.conftest import DAY, SHIPPED


def tco(*arguments):
    return CliRunner().invoke(app, ["prices", *arguments])


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch):
    monkeypatch.chdir(SHIPPED.parent)


def test_sellers_are_compared_by_accelerator_hour(shipped):
    found = offers(shipped, "h100", on=DAY, region="us-east-1")
    prices = [offer.usd_per_accelerator_hour(Purchase.ON_DEMAND) for offer in found]
    assert None not in prices
    assert prices == sorted(filter(None, prices))
    sellers = {offer.instance.seller for offer in found}
    assert {"aws", "lambda", "coreweave", "nebius", "runpod", "azure"} <= sellers
    regions = {offer.instance.region for offer in found}
    assert regions == {"us-east-1", "global", "eastus"}  # the same grid, or one price everywhere


def test_an_unknown_price_is_absent_and_comes_last(shipped):
    found = offers(shipped, "h200", on=DAY)
    last = found[-1]
    assert last.instance.instance_type == "p5e.48xlarge"
    assert last.usd_per_accelerator_hour(Purchase.ON_DEMAND) is None
    assert Purchase.ON_DEMAND not in last.quotes


def test_a_machine_without_accelerators_counts_as_one():
    assert per_accelerator_usd(2.0, 0) == 2.0


@pytest.mark.parametrize("name", ["H100-SXM", "h100 sxm", "h100_sxm", "H100SXM"])
def test_spelling_does_not_count(shipped, name):
    assert offers(shipped, name, on=DAY)


@pytest.mark.parametrize(
    ("name", "region", "error", "message"),
    [
        ("hh100x", None, NotFoundError, "Near it: h100-sxm"),
        ("h100", "us-east-9", NotFoundError, "Near it: us-east-2, us-east-1"),
        ("zzz", None, NotFoundError, "Near it: none"),
    ],
)
def test_nothing_that_fits_is_said_with_what_is_near(shipped, name, region, error, message):
    with pytest.raises(error, match=message):
        offers(shipped, name, on=DAY, region=region)


def test_before_the_first_price_the_earliest_is_named(shipped):
    with pytest.raises(PriceNotFoundError, match="earliest price is of 2026-02-01"):
        offers(shipped, "h100", on=date(2020, 1, 1))


def test_the_command_shows_a_table_and_says_unknown_in_words():
    run = tco("show", "h100", "--region", "us-east-1")
    assert run.exit_code == 0
    lines = run.stdout.splitlines()
    assert lines[0].split()[:3] == ["seller", "region", "machine"]
    assert lines[1].startswith("runpod")
    assert "unknown" in lines[1]
    assert " 0.0000" not in run.stdout
    assert "USD per accelerator-hour" in run.stderr


def test_the_command_prints_one_json_document():
    run = tco("show", "l4", "--json")
    document = json.loads(run.stdout)
    assert document["schema"] == "tco/prices-show/1"
    first = document["offers"][0]
    assert first["prices"]["on_demand"]["per_accelerator_hour"] > 0
    assert first["prices"]["on_demand"]["checked_on"]
    assert run.stderr == ""


@pytest.mark.parametrize("currency", ["EUR", "GBP"])
def test_a_report_in_another_currency_says_rate_and_date(shipped, currency):
    run = tco("show", "c7i.xlarge", "--currency", currency)
    rate = shipped.exchange_rate(currency, on=DAY)
    assert f"{0.1785 / float(rate.usd_per_unit):.4f}" in run.stdout
    assert f"1 {currency} = " in run.stderr
    assert "2026-10-30" in run.stderr
    document = json.loads(tco("show", "c7i.xlarge", "--currency", currency, "--json").stdout)
    assert document["currency"] == currency
    assert document["exchange_rate"] == rate.reference


def test_services_are_shown_with_their_steps():
    run = tco("show", "egress", "--region", "us-east-1")
    assert "aws/us-east-1/egress-internet" in run.stdout
    assert "153600" in run.stdout
    document = json.loads(tco("show", "nat-gateway", "--json").stdout)
    assert {each["unit"] for each in document["services"]} == {"hour", "GB"}


def test_a_cpu_machine_is_shown_too():
    run = tco("show", "c7i.xlarge")
    assert "0.1785" in run.stdout


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("openai/gpt-5", "output: 10 USD per million"),
        ("openai/text-embedding-3-small", "output: no such price"),
        ("google/gemini-2.5-pro", "above 200000 input tokens: input 2.5"),
        ("deepseek/deepseek-v4-pro", "01:00 to 04:00 UTC: input 1.32"),
        ("ml_engineer", "usd_per_hour: 137.50"),
    ],
)
def test_models_and_roles_are_shown(name, text):
    run = tco("show", name)
    assert run.exit_code == 0
    assert text in run.stdout


@pytest.mark.parametrize(("name", "key"), [("openai/gpt-5", "tokens"), ("ml_engineer", "role")])
def test_models_and_roles_are_documents_too(name, key):
    document = json.loads(tco("show", name, "--json").stdout)
    assert document["schema"] == "tco/prices-show/1"
    assert key in document


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["show", "nothing-like-it"], NotFoundError, "no machine, accelerator or service"),
        (["show", "openai/gpt-5-mni"], PriceNotFoundError, "gpt-5-mini"),
        (["show", "h100", "--on", "yesterday"], InputError, "'yesterday' is not a date"),
        (["list", "instance"], NotFoundError, "Near it: instances"),
        (["refresh", "gcp", "--region", "x"], NotFoundError, "machine of gcp"),
    ],
)
def test_bad_input_is_said_by_the_root_command(arguments, error, message):
    run = tco(*arguments)
    assert isinstance(run.exception, error)
    assert message in str(run.exception)


def test_tables_and_rows_are_listed():
    assert "instances" in tco("list").stdout
    assert "g6.xlarge" in tco("list", "instances").stdout
    tables = json.loads(tco("list", "--json").stdout)
    assert tables["schema"] == "tco/prices-list/1"
    assert len(tables["digest"]) == 64
    rows = json.loads(tco("list", "people", "--json").stdout)["rows"]
    assert rows[0]["line"] == 2
    assert "source" in rows[0]


def test_the_audit_passes_and_hides_no_count():
    run = tco("audit")
    assert run.exit_code == 0
    assert "0 errors" in run.stderr
    assert "--all shows them all" in run.stderr
    everything = tco("audit", "--all")
    assert len(everything.stdout.splitlines()) > len(run.stdout.splitlines())


def test_the_audit_fails_on_an_error(monkeypatch, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "people.csv").write_text(
        "role,price,low,high,unit,currency,checked_on,source,evidence\n"
        "engineer,100,80,120,hour,CHF,2026-11-20,books,stated\n"
    )
    monkeypatch.setenv("TCO_OVERLAY", str(mine))
    run = tco("audit", "--as-of", "2026-11-21")
    assert run.exit_code == 1
    assert "error: " in run.stdout
    assert "no rate for CHF" in run.stdout
    document = json.loads(tco("audit", "--json").stdout)
    assert document["passed"] is False
    assert document["errors"][0]["column"] == "currency"


class OnePrice(AzurePrices):
    fails = False

    def rows(self, wanted, retry):
        from tco.errors import PriceSourceError
        from tco.prices.readings import instance_row

        for machine in wanted.machines[:1]:
            yield instance_row(machine, wanted, purchase="on_demand", price="0.5", source="test")
        if self.fails:
            raise PriceSourceError("the line went dead")


@pytest.mark.parametrize("as_json", [True, False])
def test_a_refresh_writes_to_the_users_own_folder(monkeypatch, tmp_path, as_json):
    monkeypatch.setenv("TCO_OVERLAY", str(tmp_path / "mine"))
    monkeypatch.setattr("tco.prices.fetch_azure.AzurePrices", OnePrice)
    arguments = ["refresh", "azure", "--region", "eastus"] + ["--json"] * as_json
    dry = tco(*arguments, "--dry-run")
    assert dry.exit_code == 0
    assert not (tmp_path / "mine").exists()
    run = tco(*arguments)
    assert run.exit_code == 0
    assert (tmp_path / "mine" / "instances.csv").exists()
    if as_json:
        document = json.loads(run.stdout)
        assert document["schema"] == "tco/prices-refresh/1"
        assert document["changes"][0]["new"] == "0.5"
    else:
        assert "+160.4%" in run.stdout  # 0.192 to 0.5
    assert "1 prices read, 1 new or changed" in run.stderr


def test_a_refresh_that_breaks_off_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("TCO_OVERLAY", str(tmp_path / "mine"))
    monkeypatch.setattr("tco.prices.fetch_azure.AzurePrices", OnePrice)
    monkeypatch.setattr(OnePrice, "fails", True)
    run = tco("refresh", "azure", "--region", "eastus")
    assert run.exit_code == 1
    assert "Not complete: the line went dead" in run.stderr
    assert (tmp_path / "mine" / "instances.csv").exists()


def test_ones_own_rows_are_labelled_in_the_table(monkeypatch, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "instances.csv").write_text(
        "seller,region,instance_type,purchase,price,unit,currency,checked_on,source,evidence,"
        "negotiated,label\naws,us-east-1,g6.xlarge,on_demand,0.6,instance-hour,USD,2026-11-20,"
        "contract,stated,yes,frame contract\n"
    )
    monkeypatch.setenv("TCO_OVERLAY", str(mine))
    assert "(frame contract)" in tco("show", "g6.xlarge").stdout
