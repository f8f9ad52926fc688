"""docs/cli.md and the commands say the same."""

import re

import pytest
import typer
from typer.main import get_command

from tco.cli.main import app
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "cli.md").read_text()


def commands(of: typer.Typer = app) -> dict[str, set[str]]:
    """Give the long options of every command as it is typed."""
    waiting, found = [("tco", get_command(of))], dict[str, set[str]]()
    while waiting:
        typed, command = waiting.pop()
        below = getattr(command, "commands", {})
        waiting += [(f"{typed} {name}", inner) for name, inner in below.items()]
        words = [word for parameter in command.params for word in parameter.opts]
        found[typed] = {word for word in words if word.startswith("--")} - {"--help"}
    return found


def section(command: str) -> str:
    if command == "tco":
        return PAGE.partition("\n## ")[0]
    found = re.search(rf"^### `{command}`.*?(?=^##|\Z)", PAGE, flags=re.MULTILINE | re.DOTALL)
    return found.group() if found else ""


COMMANDS = {name: options for name, options in commands().items() if options or name == "tco"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_documented_and_no_other(command: str):
    documented = set(re.findall(r"`[^`\n]*?(--[a-z-]+)", section(command)))
    known = COMMANDS[command]
    assert known <= documented, f"missing from docs/cli.md: {known - documented}"
    assert command == "tco" or documented <= known, f"no such option: {documented - known}"
