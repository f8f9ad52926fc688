"""Budgets and forecasts: sums to the cent, percentiles with a contingency, text that stays text."""

import io
import shutil
import subprocess
from typing import ClassVar

import openpyxl
import pandas as pd
import pytest

from tco.charts import frames
from tco.errors import InputError
from tco.export import finance_files, focus, tables
from tests.shipped import NAMES, evaluated

CENT = 0.005
NAME = "support-chat/base"


def request(found, **changes):
    return tables.BudgetRequest(options=[found.ranking.options[0].option], **changes)


@pytest.mark.parametrize("name", NAMES)
def test_budget_and_forecast_add_up_to_the_ledger(name):
    found = evaluated(name)
    compared = 0
    for answer in frames.priced(found):
        assert answer.money is not None
        budget = tables.budget_rows(found, tables.BudgetRequest(options=[answer.option]))
        assert budget["amount_usd"].sum() == pytest.approx(answer.money.basis_usd, abs=CENT)
        forecast = focus.focus_rows(found, [answer.option])
        assert forecast["BilledCost"].sum() == pytest.approx(answer.money.tco_usd, abs=CENT)
        assert forecast["EffectiveCost"].sum() == pytest.approx(answer.money.basis_usd, abs=CENT)
        compared += 1
    assert compared > 0


def test_months_quarters_and_years_of_the_wide_budget_add_up():
    found = evaluated(NAME)
    long = tables.budget_rows(found, request(found))
    wide = tables.budget_wide(long)
    last = wide[wide["item"] == "total"].iloc[0]
    years = [name for name in map(str, wide) if name.startswith("FY") and " " not in name]
    quarters = [name for name in map(str, wide) if name.startswith("FY") and " Q" in name]
    months = [name for name in map(str, wide) if name[:2] == "20"]
    assert len(months) == found.scenario.horizon_months
    for columns in (years, quarters, months):
        assert last[columns].sum() == pytest.approx(long["amount_usd"].sum(), abs=CENT)


def test_a_fiscal_year_is_named_by_the_calendar_year_in_which_it_ends():
    months = pd.DataFrame({"month": pd.to_datetime(["2027-03-01", "2027-04-01", "2028-03-01"])})
    dated = tables.with_fiscal_quarter(months, 4)
    assert dated["fiscal_quarter"].tolist() == ["FY2027 Q4", "FY2028 Q1", "FY2028 Q4"]


def test_a_contingency_lifts_the_months_to_the_percentile_of_the_total():
    found = evaluated(NAME)
    option = found.ranking.options[0].option
    likely = tables.budget_rows(found, request(found))
    asked = request(found, level="P80", level_usd={option: 1_000_000.0})
    lifted = tables.budget_rows(found, asked)
    assert lifted["amount_usd"].sum() == pytest.approx(1_000_000.0, abs=CENT)
    plain = lifted[lifted["phase"] != tables.CONTINGENCY]["amount_usd"].sum()
    assert plain == pytest.approx(likely["amount_usd"].sum(), abs=CENT)


def test_accounts_of_a_category_go_before_those_of_its_phase(tmp_path):
    path = tmp_path / "accounts.csv"
    path.write_text(
        "phase,category,gl_account,cost_centre\ninference,,6100,cc-1\ninference,tokens,6110,cc-2\n"
    )
    found = evaluated(NAME)
    rows = tables.budget_rows(found, request(found, accounts=finance_files.read_accounts(path)))
    serving = rows[rows["phase"] == "inference"]
    assert set(serving[serving["category"] == "tokens"]["gl_account"]) == {"6110"}
    assert set(rows[rows["phase"] == "operation"]["gl_account"]) == {""}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("phase,category,gl_account\n", "cost_centre"),
        ("phase,category,gl_account,cost_centre\nservng,,1,2\n", "'servng' is no phase"),
        ("phase,category,gl_account,cost_centre\ndata,,,2\n", "gl_account"),
        ("phase,category,gl_account,cost_centre\ndata,,1,2\ndata,,3,4\n", "came before"),
        ("", "no CSV"),
    ],
)
def test_wrong_accounts_are_refused_with_their_row(tmp_path, text, says):
    path = tmp_path / "accounts.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=says):
        finance_files.read_accounts(path)


@pytest.mark.parametrize("amount", ["-1", "nan", "1e309", "ten"])
def test_an_approved_budget_is_money(tmp_path, amount):
    path = tmp_path / "approved.csv"
    path.write_text(f"month,approved_usd\n2027-01,{amount}\n")
    with pytest.raises(InputError, match="approved_usd"):
        finance_files.read_approved(path)


def test_an_approved_budget_stands_beside_the_forecast(tmp_path):
    path = tmp_path / "approved.csv"
    path.write_text("month,approved_usd\n2027-01,9000\n")
    found = evaluated(NAME)
    approved = finance_files.read_approved(path)
    rows = tables.budget_rows(found, request(found, approved_usd=approved))
    january = rows[rows["month"] == pd.Timestamp("2027-01-01")]
    assert set(january["approved_month_usd"]) == {9000.0}
    assert rows[rows["month"] > pd.Timestamp("2027-01-01")]["approved_month_usd"].isna().all()


DANGEROUS = ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "\nx", "＝1", " =1", "\ufeff=1"]  # noqa: RUF001


def test_text_never_becomes_a_formula_and_numbers_stay_numbers():
    frame = pd.DataFrame({"item": DANGEROUS, "usd": [-1.5] * len(DANGEROUS)})
    back = pd.read_csv(io.BytesIO(tables.as_csv(frame)))
    assert all(text.startswith("'") for text in back["item"])
    assert back["usd"].tolist() == [-1.5] * len(DANGEROUS)


def test_semicolons_come_with_decimal_commas():
    text = tables.as_csv(pd.DataFrame({"a": [1.5], "b": ["x"]}), style="semicolon")
    assert text.decode("utf-8-sig").splitlines()[1] == "1,5;x"


@pytest.fixture(scope="module")
def text():
    found = evaluated(NAME)
    options = [answer.option for answer in frames.priced(found)]
    return focus.as_focus_csv(focus.focus_rows(found, options))


@pytest.fixture(scope="module")
def rows(text):
    return pd.read_csv(io.BytesIO(text), dtype=str, keep_default_na=False)


class TestFocus:
    """A checker of our own: columns, types, enumerations and the traps of version 1.2."""

    CHARGES: ClassVar = {"Usage", "Purchase", "Tax", "Credit", "Adjustment"}
    NEVER_EMPTY: ClassVar = set(focus.MANDATORY) - {"ChargeClass", "PricingQuantity", "PricingUnit"}

    def test_it_has_all_columns_and_no_mark_of_the_encoding(self, rows, text):
        assert len(focus.MANDATORY) == 21
        assert set(focus.MANDATORY) <= set(rows.columns)
        assert not text.startswith(b"\xef\xbb\xbf")
        for name in set(rows.columns) - set(focus.MANDATORY):
            assert name.startswith("x_") or name in {
                "ChargeFrequency", "CommitmentDiscountStatus", "Tags",
            }  # fmt: skip

    def test_nothing_mandatory_is_empty(self, rows):
        for name in self.NEVER_EMPTY:
            assert (rows[name] != "").all(), name

    def test_words_are_of_the_standard(self, rows):
        assert set(rows["ChargeCategory"]) <= self.CHARGES
        assert set(rows["BillingCurrency"]) == {"USD"}
        assert set(rows["ChargeFrequency"]) <= {"One-Time", "Recurring", "Usage-Based"}

    def test_amounts_are_written_with_decimals(self, rows):
        for name in focus.AMOUNTS:
            assert rows[name].str.fullmatch(r"-?\d+\.\d+").all(), name

    def test_periods_are_utc_months_whose_end_is_exclusive(self, rows):
        start = pd.to_datetime(rows["ChargePeriodStart"], format="%Y-%m-%dT%H:%M:%SZ")
        end = pd.to_datetime(rows["ChargePeriodEnd"], format="%Y-%m-%dT%H:%M:%SZ")
        assert (start.dt.day == 1).all()
        assert ((end - start).dt.days.between(28, 31)).all()

    def test_a_service_belongs_to_one_category(self, rows):
        pairs = rows[["ServiceName", "ServiceCategory"]].drop_duplicates()
        assert pairs["ServiceName"].is_unique

    def test_it_says_that_it_is_a_forecast_and_carries_no_invoice(self, rows):
        assert set(rows["x_RecordType"]) == {"Forecast"}
        assert "InvoiceId" not in rows.columns


@pytest.mark.slow
def test_libreoffice_reads_no_text_as_a_formula_and_keeps_numbers(tmp_path):
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("LibreOffice is not installed; tests/system_parts.sh names the command")
    strange = [*DANGEROUS, "@SUM(A1)", "＋1", "－1", "＠x", 'say "hi"', "🙂 שלום"]  # noqa: RUF001
    frame = pd.DataFrame({"name": strange, "amount": [-1.25] * len(strange)})
    path = tmp_path / "budget.csv"
    path.write_bytes(tables.as_csv(frame, style="comma"))
    subprocess.run(
        [
            office,
            f"-env:UserInstallation=file://{tmp_path}/profile",
            "--headless",
            "--infilter=CSV:44,34,76,1",
            "--convert-to",
            "xlsx",
            "--outdir",
            str(tmp_path),
            str(path),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    sheet = openpyxl.load_workbook(tmp_path / "budget.xlsx").active
    assert sheet is not None
    cells = [cell for row in sheet.iter_rows(min_row=2) for cell in row if cell.value is not None]
    assert not [cell.value for cell in cells if cell.data_type == "f"]
    amounts = [cell.value for cell in cells if cell.column == 2]
    assert amounts == [-1.25] * len(strange)
