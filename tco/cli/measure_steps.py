"""``tco measure steps``: what a step of an LLM engine takes, fitted to its own request log."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tco.cli.context import print_json
from tco.errors import TcoError


def add_to(app: typer.Typer) -> None:
    """Register the command in the group."""
    app.command("steps")(steps)


def steps(  # noqa: PLR0913, PLR0917 - one parameter an option
    log: Annotated[Path, typer.Argument(help="requests of one replica, one JSON object a line")],
    max_sequences: Annotated[int, typer.Option(min=1, help="most sequences of a step")],
    max_step_tokens: Annotated[int, typer.Option(min=1, help="most tokens of a step")],
    kv_tokens: Annotated[int, typer.Option(min=1, help="tokens that the KV memory holds")],
    block_tokens: Annotated[int, typer.Option(min=1, help="tokens of a KV block")] = 16,
    requests: Annotated[
        int | None,
        typer.Option(help="fit the first so many alone", show_default="all of the log"),
    ] = None,
    profile: Annotated[
        Path | None,
        typer.Option(help="folder of a kernel profile; then two figures beside it are fitted"),
    ] = None,
    layers: Annotated[
        int | None, typer.Option(min=1, help="of the model, with a profile", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Fit what a step of an LLM engine takes to a log of its requests, with the fit's error."""
    from tco.calibrate.fitting import fit_formula, fit_profile
    from tco.calibrate.kernel_profile import read_kernel_profile
    from tco.calibrate.request_log import read_request_log
    from tco.sim import llm_state as at

    if (profile is None) != (layers is None):
        raise TcoError("a kernel profile is of one layer: give --profile and --layers together")
    recorded = read_request_log(log)
    limits = at.Limits(
        most_sequences=max_sequences,
        step_tokens=max_step_tokens,
        blocks=kv_tokens // block_tokens,
        block_tokens=block_tokens,
    )
    count = recorded.arrival_s.size if requests is None else requests
    if profile is None or layers is None:
        fitted = fit_formula(recorded, limits, requests=count)
    else:
        kernels = read_kernel_profile(profile)
        fitted = fit_profile(recorded, limits, kernels, layers=layers, requests=count)
    if as_json:
        print_json(
            {
                "schema": "tco/measure-steps/1",
                "requests": count,
                "figures": fitted.figures,
                "error": fitted.error,
                "left_out_error": fitted.left_out_error,
            }
        )
        return
    for name, value in fitted.figures.items():
        unit = "" if name.endswith("_factor") else " s"
        sys.stdout.write(f"{name}: {value:.4g}{unit}\n")
    sys.stdout.write(
        f"fitted to {count} requests: error {fitted.error:.1%} in sample, "
        f"{fitted.left_out_error:.1%} on the second half of them with the first half fitted\n"
    )
