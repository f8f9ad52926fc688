"""What the files of the project look like."""

import ast
import re

import pytest

from tests.conftest import ROOT

MOST_LINES = 450
LOCKS = ["requirements/base.txt", "requirements/dev.txt"]
RUNS_PYTHON_FROM_DATA = {"dill", "joblib", "jsonpickle", "marshal", "pickle", "shelve"}
UNSAFE_YAML = {
    "FullLoader",
    "Loader",
    "UnsafeLoader",
    "full_load",
    "full_load_all",
    "load",
    "load_all",
    "unsafe_load",
    "unsafe_load_all",
}


def sources() -> list[str]:
    return sorted(file.relative_to(ROOT).as_posix() for file in (ROOT / "tco").rglob("*.py"))


@pytest.mark.parametrize("source", sources())
def test_no_file_grows_beyond_one_sitting(source: str):
    lines = len((ROOT / source).read_text().splitlines())
    assert lines <= MOST_LINES, f"{source} has {lines} lines: look for a seam"


@pytest.mark.parametrize("source", sources())
def test_no_code_is_run_from_data(source: str):
    assert unsafe_loads((ROOT / source).read_text()) == set()


def unsafe_loads(source: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                found |= {name.name for name in names} & RUNS_PYTHON_FROM_DATA
            case ast.ImportFrom(module="yaml", names=names):
                found |= {name.name for name in names} & UNSAFE_YAML
            case ast.ImportFrom(module=str(module)):
                found |= {module} & RUNS_PYTHON_FROM_DATA
            case ast.Attribute(value=ast.Name(id="yaml"), attr=name):
                found |= {name} & UNSAFE_YAML
    return found


@pytest.mark.parametrize(
    "planted",
    [
        "import pickle",
        "from pickle import loads",
        "yaml.load(text)",
        "from yaml import unsafe_load",
    ],
)
def test_a_planted_unsafe_load_is_found(planted: str):
    assert unsafe_loads(planted)


@pytest.mark.parametrize(
    "name", [*LOCKS, "Makefile", ".ci/run", "pyproject.toml", "tests/system_parts.sh"]
)
def test_no_file_of_the_setup_holds_an_address(name: str):
    text = (ROOT / name).read_text()
    assert "://" not in text, f"{name}: where packages come from is the machine's own setting"


def pins(lock: str) -> dict[str, str]:
    text = (ROOT / lock).read_text()
    return dict(re.findall(r"^([\w.-]+)==(\S+)", text, flags=re.MULTILINE))


def test_both_locks_agree():
    base, dev = (pins(lock) for lock in LOCKS)
    assert base, "no pins read"
    assert base.items() <= dev.items()


def test_torch_is_in_no_lock():
    assert [lock for lock in LOCKS if "torch" in pins(lock)] == []
