"""``tco measure calibrate``: the stages of a server, from a closed loop."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tco.cli.context import print_json, say
from tco.data import user_overlay

if TYPE_CHECKING:
    from tco.domain.measured import Measured, Served


def add_to(app: typer.Typer) -> None:
    """Register the command in the group."""
    app.command("calibrate")(calibrate)


def calibrate(
    file: Annotated[Path, typer.Argument(help="a closed loop, from tco measure run or import")],
    max_batch: Annotated[int, typer.Option(help="largest batch of the server", min=1, max=65_536)],
    hands: Annotated[
        int, typer.Option(help="requests that the host works on at once", min=1, max=100_000)
    ] = 1,
    workers: Annotated[int, typer.Option(help="replicas in the server", min=1, max=10_000)] = 1,
    out: Annotated[
        Path | None,
        typer.Option(help="folder of the result", show_default="your own, beside your prices"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Tell the host work of a server from its batches, by answers a second at rising concurrency.

    The result is the measurement with its stages; plans then take both into account.
    """
    from tco.calibrate.served import Server, fit_served, sweep_of
    from tco.measure.measured_files import read_measured, write_measured

    measured = read_measured(file)
    say("simulating closed loops; this takes some seconds")
    served = fit_served(sweep_of(measured), Server(max_batch, hands, workers))
    path = write_measured(
        measured.model_copy(update={"served": served, "measured_in": "server"}),
        out or user_overlay() / "measurements",
    )
    if as_json:
        found = served.model_dump(mode="json")
        print_json({"schema": "tco/measure-calibrate/1", "file": str(path), "served": found})
    else:
        sys.stdout.write("\n".join(_lines(measured, served)) + "\n")
    say(f"wrote {path}")


def _lines(measured: Measured, served: Served) -> list[str]:
    front = served.front_end
    return [
        f"{measured.id}: {len(served.clients)} points, 1 to {max(served.clients)} clients",
        f"host: {front.seconds * 1000:.3g} ms a request, {front.parallel} at once",
        f"batch of n: {served.base_s * 1000:.3g} + {served.per_item_s * 1000:.3g} x n ms, "
        f"spread {served.cv:.0%}, up to {served.max_batch}",
        f"answers a second: in sample {served.in_sample_error:.1%}, left out "
        f"{served.left_out_error:.1%}",
    ]
