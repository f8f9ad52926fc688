"""The wheel works for somebody who has nothing but the wheel."""

import json
import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.slow
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Installed:
    wheel: Path
    tco: Path


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Build the wheel and install it, with the base lock, where nothing else is.

    Runs before the machine is sealed: uv takes from its cache what `make test` has just put there.
    """
    folder = tmp_path_factory.mktemp("wheel")
    run(BIN / "python", "-m", "hatchling", "build", "--target", "wheel", "--directory", folder)
    [wheel] = folder.glob("*.whl")
    clean = folder / "venv"
    run(BIN / "uv", "venv", "--quiet", "--python", sys.executable, clean)
    lock = ROOT / "requirements" / "base.txt"
    run(
        BIN / "uv", "pip", "install", "--quiet", "--python", clean / "bin" / "python",
        "--requirement", lock, wheel,
    )  # fmt: skip
    return Installed(wheel, clean / "bin" / "tco")


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_the_wheel_carries_data_and_app_but_no_tests(installed: Installed):
    names = zipfile.ZipFile(installed.wheel).namelist()
    assert "tco/_data/streamlit_app.py" in names
    assert "tco/_data/.streamlit/config.toml" in names
    for folder in ("benchmarks", "pricing", "scenarios"):
        assert any(name.startswith(f"tco/_data/{folder}/") for name in names), folder
    assert [name for name in names if name.startswith("tests/")] == []


def test_the_installed_package_ranks_from_an_unrelated_folder(installed: Installed, tmp_path: Path):
    assert "PYTHONPATH" not in os.environ
    answer = json.loads(run(installed.tco, "rank", "internal-tool", "--json", cwd=tmp_path))
    assert answer["schema"]
    assert answer["scenarios"]
