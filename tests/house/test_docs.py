"""The docs say what is there."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from tco.cli.main import app
from tests.conftest import ROOT

PAGES = ["CHANGELOG.md", "README.md"] + [
    page.relative_to(ROOT).as_posix() for page in sorted(ROOT.glob("docs/**/*.md"))
]


def read(name: str) -> str:
    return (ROOT / name).read_text()


def commands(of: typer.Typer = app) -> Iterator[str]:
    """Give every command as it is typed: "tco rank", "tco prices list"."""
    waiting = [("tco", get_command(of))]
    while waiting:
        typed, command = waiting.pop()
        below = getattr(command, "commands", {})
        waiting += [(f"{typed} {name}", sub) for name, sub in below.items() if not sub.hidden]
        if not below:
            yield typed


@pytest.mark.parametrize("command", sorted(commands()))
def test_every_command_is_documented(command: str):
    assert re.search(rf"^#+ .*`{command}\b", read("docs/cli.md"), flags=re.MULTILINE), (
        f"docs/cli.md has no heading with `{command}`"
    )


@pytest.mark.parametrize(
    "module",
    sorted(
        file.relative_to(ROOT / "tco").as_posix()
        for file in ROOT.glob("tco/**/*.py")
        if file.name != "__init__.py"
    ),
)
def test_the_architecture_names_every_module(module: str):
    assert f"`{module}`" in read("docs/architecture.md")


def test_the_changelog_is_up_to_date():
    project = tomllib.loads(read("pyproject.toml"))["project"]
    released = re.findall(r"^## \[?(\d+\.\d+\.\d+)", read("CHANGELOG.md"), flags=re.MULTILINE)
    assert released[0] == project["version"]


@pytest.mark.parametrize("page", PAGES)
def test_links_between_files_lead_somewhere(page: str):
    folder = (ROOT / page).parent
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", read(page))
    files = [Path(target) for target in targets if "://" not in target and "mailto:" not in target]
    assert [str(file) for file in files if not (folder / file).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_make_target_that_is_named_exists(page: str):
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), flags=re.MULTILINE))
    assert set(re.findall(r"`make ([a-z]+)", read(page))) <= targets
