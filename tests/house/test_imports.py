"""What a start may load: counted, because seconds depend on the machine."""

import subprocess
import sys

import pytest

HEAVY = {"altair", "boto3", "numba", "pandas", "pyarrow", "scipy", "streamlit", "torch"}


PROBE = """
import sys
try:
    exec(sys.argv.pop())
except SystemExit as stop:
    assert not stop.code, stop.code
print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
"""


def loaded_after(code: str) -> set[str]:
    """Run the code in a fresh interpreter and give the top-level packages it loaded."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, code], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


def test_the_probe_sees_what_is_loaded():
    assert "json" in loaded_after("import json")


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("import tco", id="import tco"),
        pytest.param(
            "import sys; sys.argv = ['tco', '--help']; from tco.cli import main; main()",
            id="tco --help",
        ),
        pytest.param(
            "import sys; sys.argv = ['tco', 'check', 'scenarios/organisation.yaml'];"
            "from tco.cli import main; main()",
            id="tco check",
        ),
    ],
)
def test_a_start_loads_no_heavy_package(code: str):
    assert loaded_after(code) & HEAVY == set()
