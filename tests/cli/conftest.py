"""The command as a person meets it, in this process and in one of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tco.cli.main import main
from tests.conftest import ROOT

LIBRARY = ROOT / "tests" / "domain" / "library"


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str


Tco = Callable[..., Done]


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the small library and the shipped tables."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "scenarios").symlink_to(LIBRARY)
    for part in ("pricing", "benchmarks"):
        (folder / part).symlink_to(ROOT / part)
    return folder


@pytest.fixture
def tco(data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Tco:
    """Run the command in this process, on the small library."""

    def run(*arguments: str | Path) -> Done:
        monkeypatch.setenv("TCO_DATA", str(data))
        monkeypatch.setattr(sys, "argv", ["tco", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        assert isinstance(left.value.code, int)
        shown = capsys.readouterr()
        assert "Traceback" not in shown.err or "--debug" in arguments
        return Done(left.value.code, shown.out, shown.err)

    return run


@pytest.fixture
def command(data: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., "subprocess.Popen[str]"]:
    """Start the command in a process of its own."""
    monkeypatch.setenv("TCO_DATA", str(data))

    def start(*arguments: str | Path, **settings: object) -> "subprocess.Popen[str]":
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **settings}
        return subprocess.Popen(  # type: ignore[call-overload, no-any-return]
            [sys.executable, "-m", "tco", *map(str, arguments)], env=os.environ.copy(), **pipes
        )

    return start
