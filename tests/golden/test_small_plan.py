"""Two plans with made-up prices as other programs read them. Not truth: tests/cases holds that."""

import re
from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from tco.cli.main import app
from tests.cases import worked_plans


@pytest.mark.parametrize(
    ("file", "command"),
    [
        ("rank.json", ["rank", "cascade", "--json"]),
        ("ledger.csv", ["ledger", "static-fleet", "--format", "csv"]),
    ],
)
def test_the_answer_is_written_as_recorded(
    file: str, command: list[str], golden: Callable[[str, str], None]
):
    name, case, *options = command
    scenario = str(worked_plans.FOLDER / case / "scenario.yaml")
    answer = CliRunner().invoke(
        app, ["--data", str(worked_plans.DATA.root), name, scenario, *options]
    )
    assert answer.exit_code == 0, answer.output
    # A digest changes with every field that the types gain; tests/plan holds what it must tell.
    golden(f"tests/golden/{file}", re.sub(r'"[0-9a-f]{64}"', '"(digest)"', answer.stdout))
