"""``tco sweep``: many what-ifs of one scenario, and what they show together."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tco.cli.answers import AsJson
from tco.cli.context import Options, options_of, prepare_to_simulate, print_json, say
from tco.cli.sweep_report import report
from tco.data import user_overlay
from tco.errors import TcoError

if TYPE_CHECKING:
    from tco.sweep import Engine, Progress, Question

app = typer.Typer(no_args_is_help=True)
app.command()(report)
EVERY_S, EVERY_UNSEEN_S = 1.0, 30.0
"""How often progress is told, at a terminal and into a log."""


@app.command()
def run(  # noqa: PLR0913, PLR0917 - one argument for each option
    context: typer.Context,
    file: Annotated[str, typer.Argument(help="sweep file, or the name of a shipped one")],
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=256, help="processes on this machine", show_default="one a core"),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(help="scheduler of a Dask cluster, as tcp://host:8786", show_default="none"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="folder for the results", show_default="sweeps/local/NAME, your own"),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="go on with what the folder holds already")
    ] = False,
    time_budget_s: Annotated[
        float | None, typer.Option(min=0, help="begin no cell after so long", show_default="none")
    ] = None,
    cell_budget: Annotated[
        int | None, typer.Option(min=1, help="do so many cells at the most", show_default="none")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Evaluate every cell of a sweep."""
    if workers is not None and cluster is not None:
        raise TcoError("--workers counts processes of this machine; a cluster has its own")
    options = options_of(context)
    question = _question(options, file)
    from tco.sweep import Budget, ResultFolder, run_sweep

    root = out or user_overlay() / "sweeps" / "local" / question.sweep.name
    folder = ResultFolder.opened(root, question, resume=resume)
    try:
        with closing(_engine(question, workers, cluster)) as engine:
            say(_begins(question, len(folder.done), engine, root))
            prepare_to_simulate()
            budget = Budget(time_budget_s, cell_budget)
            progress = run_sweep(question, folder, engine, budget=budget, tell=_Teller())
    except KeyboardInterrupt:
        say(f"\n{_so_far(folder.manifest.done, len(question.cells), root)}")
        raise
    finally:
        folder.close()
    manifest = folder.manifest
    if as_json:
        print_json(
            {"schema": "tco/sweep/1", "folder": str(root), **manifest.model_dump(mode="json")}
        )
    say(_ends(progress, root))
    if not manifest.is_complete:
        raise typer.Exit(1)


def _question(options: Options, file: str) -> Question:
    path = options.library.find_sweep(file)
    sweep = options.library.load_sweep(path)
    from tco.sweep import question_of  # takes a second: first say what is wrong

    return question_of(sweep, path.parent, options.library, options.catalog, options.measurements)


def _engine(question: Question, workers: int | None, cluster: str | None) -> Engine:
    if cluster is None:
        from tco.sweep import Local

        return Local(question.ground, workers)
    from tco.sweep.cluster import Cluster

    return Cluster.at(cluster, question.ground)


def _begins(question: Question, done: int, engine: Engine, root: Path) -> str:
    cells = f"{len(question.cells):,} cells"
    there = f", {done:,} of them done before" if done else ""
    return f"{question.sweep.name}: {cells}{there}, in {engine.says}, into {root}"


def _so_far(done: int, of: int, root: Path) -> str:
    return f"{done:,} of {of:,} cells are kept in {root}; --resume goes on with them"


def _ends(progress: Progress, root: Path) -> str:
    rate = progress.cells_per_s
    lost = "" if not progress.lost else f"; {progress.lost:,} were lost: {progress.lost_to}"
    told = "" if rate is None else f", {rate:,.1f} cells a second"
    refused = f", {progress.refused:,} of them refused" if progress.refused else ""
    if progress.done + progress.lost < progress.of:
        return f"{_so_far(progress.done, progress.of, root)} (the budget is used up){lost}"
    if progress.lost:
        return f"{_so_far(progress.done, progress.of, root)}{lost}"
    return (
        f"{progress.of:,} cells done{refused}; {progress.simulations:,} simulations worked out"
        f"{told}. 'tco sweep report {root}' reads them."
    )


class _Teller:
    """Says how far a sweep has come: often to a person at a terminal, seldom into a log."""

    def __init__(self) -> None:
        self._is_seen = sys.stderr.isatty()
        self._told_s = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        """Tell, if it is time."""
        now_s = time.monotonic()
        if now_s - self._told_s < (EVERY_S if self._is_seen else EVERY_UNSEEN_S):
            return
        self._told_s = now_s
        line = _line(progress)
        if self._is_seen:
            sys.stderr.write(f"\r\x1b[2K{line}")
            sys.stderr.flush()
        else:
            say(line)


def _line(progress: Progress) -> str:
    rate, left_s = progress.cells_per_s, progress.left_s
    parts = [f"{progress.done:,} of {progress.of:,} cells"]
    if rate is not None and left_s is not None:
        parts += [f"{rate:,.1f} a second", f"{_span(left_s)} left"]
    if progress.refused:
        parts.append(f"{progress.refused:,} refused")
    if progress.lost:
        parts.append(f"{progress.lost:,} lost")
    return ", ".join(parts)


def _span(seconds: float) -> str:
    """Write a time as people say it.

    >>> _span(40), _span(400), _span(40_000)
    ('40 s', '7 min', '11.1 h')
    """
    if seconds < 100:  # noqa: PLR2004
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"  # noqa: PLR2004
