"""What every test stands on: a sealed machine, repeatable examples, golden files."""

import difflib
import itertools
import os
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).parents[1]

# Under CI the same examples every time; at a desk new ones, found failures kept in .hypothesis.
hypothesis.settings.register_profile(
    "ci", derandomize=True, deadline=None, database=None, print_blob=True
)
hypothesis.settings.register_profile("dev", deadline=None)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "dev")


def sealed(home: Path) -> dict[str, str]:
    """Give the settings of a machine with no network, nobody's files and no telemetry.

    The proxies are dead ends, so a call that was not meant to leave fails at once.
    """
    nowhere = "http://127.0.0.1:9"
    return {
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_DATA_HOME": str(home / ".local" / "share"),
        "HTTP_PROXY": nowhere,
        "HTTPS_PROXY": nowhere,
        "ALL_PROXY": nowhere,
        "http_proxy": nowhere,
        "https_proxy": nowhere,
        "all_proxy": nowhere,
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_DEFAULT_REGION": "us-east-1",
        "DO_NOT_TRACK": "1",
        "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
        "NO_COLOR": "1",  # output is compared as plain text
        "COLUMNS": "100",
    }


def personal(name: str) -> bool:
    """Tell whether an environment variable is somebody's own setting of what we test."""
    return name.startswith(("TCO_", "AWS_", "STREAMLIT_"))


_homes = itertools.count()


@pytest.fixture(autouse=True)
def _sealed_machine(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path_factory.getbasetemp() / "homes" / str(next(_homes))
    home.mkdir(parents=True)
    for name in filter(personal, list(os.environ)):
        monkeypatch.delenv(name)
    for name, value in sealed(home).items():
        monkeypatch.setenv(name, value)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite the golden files instead of comparing"
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with a recorded file, byte for byte; `make golden` rewrites the file."""

    def compare(name: str, text: str) -> None:
        file = ROOT / name
        if request.config.getoption("--update-golden"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode())
            return
        assert file.exists(), f"{name} is missing; `make golden` writes it"
        recorded = file.read_bytes().decode()
        if text != recorded:
            diff = difflib.unified_diff(
                recorded.splitlines(keepends=True),
                text.splitlines(keepends=True),
                name,
                "now",
            )
            pytest.fail(
                "".join(diff) + "\nIf the change is meant, `make golden` records it.", pytrace=False
            )

    return compare
