"""How long a person waits for the terminal: targets to look at, not asserted anywhere.

Each figure is the median of several fresh interpreters with warm caches.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 7
TCO = Path(sys.executable).with_name("tco")
PYTHON = Path(sys.executable)
# What ranking needs whoever wrote it; the rest of the wait is ours.
BARE_IMPORTS = "import genai_prices, numba, numpy, pandas, pydantic, rich, simpy, typer, yaml"


def median_s(*command: str | Path) -> float:
    """Time a command in seconds; once more than counted, so that caches are warm."""
    taken_s = []
    for _ in range(ROUNDS + 1):
        started_s = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        taken_s.append(time.perf_counter() - started_s)
    return statistics.median(taken_s[1:])


def main() -> None:
    """Print one line a figure."""
    scenario = min(Path("scenarios").glob("*/base.yaml"))
    empty_s = median_s(PYTHON, "-c", "pass")
    bare_s = median_s(PYTHON, "-c", BARE_IMPORTS)
    figures = [
        ("import tco, beyond an empty Python", median_s(PYTHON, "-c", "import tco") - empty_s, 0.4),
        ("tco --help", median_s(TCO, "--help"), 0.5),
        (
            f"tco rank {scenario}, beyond bare imports",
            median_s(TCO, "rank", scenario) - bare_s,
            1.2,
        ),
        ("(bare imports)", bare_s, None),
    ]
    for what, taken_s, target_s in figures:
        target = "" if target_s is None else f"   target {target_s:.1f} s"
        print(f"{what:70} {taken_s:6.2f} s{target}")


if __name__ == "__main__":
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # bytecode is one of the caches that are warm
    os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp()  # nobody's own price rows
    main()
