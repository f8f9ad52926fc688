"""A small plan as it reads in the terminal. Not truth: a change is seen here, then judged."""

from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from tco.cli.main import app

SCENARIO = "ticket-classification/base"


@pytest.mark.parametrize("command", ["rank", "explain"])
def test_the_answer_reads_as_recorded(command: str, golden: Callable[[str, str], None]):
    answer = CliRunner().invoke(app, [command, SCENARIO])
    assert answer.exit_code == 0, answer.output
    golden(f"tests/golden/{command}.txt", answer.stdout)
