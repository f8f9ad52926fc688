"""Measures a small set again, quickly, and holds it against the committed results.

A ratio above one says that this machine, now, is slower than the one that was measured.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tco.domain.measured import Measured, Point
from tco.measure.measured_files import measured_files, read_measured

ROOT = Path(__file__).parents[2]
JOBS = ROOT / "benchmarks" / "measure" / "cpu.yaml"
SMALL = (
    "all-minilm-l6-v2.onnx-int8.cpu-1-thread",
    "all-minilm-l6-v2.onnx-fp32.cpu-1-thread",
    "file-type.onnx-fp32.cpu-1-thread",
    "ocr-text-angle.onnx-fp32.cpu-1-thread",
    "squeezenet.onnx-fp32.cpu-1-thread",
    "llama-62m.torch-bf16.cpu-2-threads",
)


def setting(point: Point) -> tuple[object, ...]:
    """Say where a point stands in its sweep."""
    return (point.phase.value, point.batch, point.input_size, point.context_tokens)


def measure(names: list[str], out: Path) -> None:
    """Run measurements of the small set into a folder."""
    chosen = [word for name in names for word in ("--only", name)]
    command = [sys.executable, "-m", "tco", "measure", "run", str(JOBS), "--quick", *chosen]
    options = ["--meter", "none", "--json", "--out", str(out)]
    subprocess.run([*command, *options], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)


def show(now: Measured, committed: Measured) -> list[float]:
    """Print a measurement's points beside the committed ones; give their ratios."""
    print(f"\n{now.id} (committed {committed.environment.started_at:%Y-%m-%d})"
          if committed.environment else f"\n{now.id}")  # fmt: skip
    print(f"  {'phase':<10} {'batch':>6} {'size':>6}   {'now ms':>10} {'then ms':>10} {'ratio':>6}")
    known = {setting(point): point for point in committed.points}
    ratios = []
    for point in now.points:
        then = known.get(setting(point))
        if then is None:
            continue
        ratio = point.seconds.typical / then.seconds.typical
        ratios.append(ratio)
        size = point.input_size or int(point.context_tokens or 0) or "-"
        doubt = f"  doubt: {point.doubts[0]}" if point.doubts else ""
        print(
            f"  {point.phase.value:<10} {point.batch:>6g} {size:>6}   "
            f"{point.seconds.typical * 1000:>10.2f} {then.seconds.typical * 1000:>10.2f} "
            f"{ratio:>6.2f}{doubt}"
        )
    return ratios


def main() -> int:
    """Measure, compare, and say where nothing is committed."""
    committed = {path.stem: path for path in measured_files(ROOT / "benchmarks")}
    names = [name for name in SMALL if name in committed]
    for name in SMALL:
        if name not in committed:
            print(f"{name}: nothing is committed to compare with")
    ratios: list[float] = []
    if names:
        with tempfile.TemporaryDirectory(prefix="tco-measure-") as scratch:
            measure(names, Path(scratch))
            for name in names:
                now = read_measured(Path(scratch) / f"{name}.json")
                ratios += show(now, read_measured(committed[name]))
    if not ratios:
        return 1
    print(
        f"\n{len(ratios)} points: median ratio {statistics.median(ratios):.2f}, "
        f"{min(ratios):.2f} to {max(ratios):.2f}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
