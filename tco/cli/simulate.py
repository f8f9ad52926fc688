"""The commands that simulate: an option's traffic, and a recorded trace."""

from __future__ import annotations

import io
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tco.cli.answers import Fidelity
from tco.cli.context import options_of, prepare_to_simulate, print_json, say
from tco.data import write_whole

if TYPE_CHECKING:
    from tco.errors import Finding
    from tco.sim.replay import Replay
    from tco.traffic.traces import RequestLog

TIMES = ("latency_ms", "ttft_ms", "tpot_ms", "queue_ms")
PARQUET = (".parquet", ".pq")


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command("simulate")(simulate)
    app.command("replay")(replay_trace)


def simulate(
    context: typer.Context,
    scenario: Annotated[str, typer.Argument(help="'use-case/name' or a path")],
    option: Annotated[str, typer.Option(help="an option on own machines, or a route")],
    fidelity: Annotated[
        Fidelity, typer.Option(help="quick: weeks of the busiest month; full: every month")
    ] = Fidelity.QUICK,
    theory: Annotated[
        bool, typer.Option("--theory", help="print closed forms beside simulated figures")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Simulate the traffic of one option: usage and latency, with standard errors."""
    options = options_of(context)
    [found] = options.scenarios([str(options.library.find(scenario))])

    from tco.hosting import Effort, simulate_option
    from tco.plan import requests_of
    from tco.tasks import Kept, user_cache

    prepare_to_simulate()
    began_s = time.perf_counter()
    simulated = simulate_option(
        found,
        option,
        requests_of(found),
        options.catalog,
        options.measurements,
        Effort(Kept(user_cache()), fidelity.value),
    )
    wall_s = time.perf_counter() - began_s
    answer = {
        "schema": "tco/simulate/1",
        "scenario": found.id,
        "option": option,
        "fidelity": fidelity.value,
        **simulated.document(),
        "wall_s": wall_s,
        "standard_errors": simulated.standard_errors(),
    }
    if theory:
        beside, none = simulated.theory()
        answer["theory"] = [asdict(row) for row in beside]
        answer["no_closed_form"] = none
    if as_json:
        print_json(answer)
    else:
        sys.stdout.write(_table(answer) + _theory_table(answer))


def _theory_table(answer: dict[str, Any]) -> str:
    lines = [
        f"{row['figure'].replace('_', ' ')}: {row['theory']:,.6g} by {row['form']}; simulated "
        f"{row['simulated']:,.6g}, standard error {row['standard_error']:,.2g}"
        for row in answer.get("theory", [])
    ]
    lines += [f"no closed form: {reason}" for reason in answer.get("no_closed_form", [])]
    return "".join(f"{line}\n" for line in lines)


def replay_trace(
    trace: Annotated[
        Path,
        typer.Argument(help="CSV or Parquet: arrival_s[, input_tokens, output_tokens, class]"),
    ],
    service: Annotated[Path, typer.Option(help="YAML file: what a batch takes, or a step")],
    deployment: Annotated[Path, typer.Option(help="YAML file: the deployment of a scenario")],
    requests_out: Annotated[
        Path | None,
        typer.Option(help="file for one row a request, CSV or Parquet", show_default="none"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="seed of boot times")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Replay a request trace on a fleet: what becomes of every request."""
    from tco.domain.replay_files import load_fleet, load_service
    from tco.errors import InputError

    findings: list[Finding] = []
    loaded: list[Any] = []
    for load, path in ((load_service, service), (load_fleet, deployment)):
        try:
            loaded.append(load(path))
        except InputError as error:
            findings += error.findings
    if findings:
        raise InputError(findings)

    from tco.sim.kernel_cache import is_compiled
    from tco.sim.replay import document, replay
    from tco.traffic.traces import read_log

    log = read_log(trace)
    if not is_compiled(of_steps=loaded[0].kind == "llm"):
        say("compiling the simulator; this happens once on a machine")
    began_s = time.perf_counter()
    found = replay(log.requests, *loaded, seed=seed)
    wall_s = time.perf_counter() - began_s
    for note in (*log.notes, *found.notes):
        say(note)
    if requests_out is not None:
        write_whole(requests_out, _rows(found, log, as_parquet=requests_out.suffix in PARQUET))
        say(f"wrote {requests_out}")
    answer = {"schema": "tco/replay/1", **document(found), "wall_s": wall_s}
    if as_json:
        print_json(answer)
    else:
        sys.stdout.write(_table(answer))


def _rows(found: Replay, log: RequestLog, *, as_parquet: bool) -> bytes:
    """Write one row a request, in the order of the trace."""
    import pandas as pd

    from tco.sim.replay import columns

    frame = pd.DataFrame(columns(found), index=pd.Index(log.rows, name="request")).sort_index()
    frame["batch"] = frame["batch"].astype("Int64").mask(frame["batch"] < 0)
    buffer = io.BytesIO()
    if as_parquet:
        frame.reset_index().to_parquet(buffer, index=False)
    else:
        frame.to_csv(buffer, lineterminator="\n")
    return buffer.getvalue()


def _step_rows(steps: dict[str, Any]) -> list[tuple[str, str]]:
    rows = []
    for step, known in steps.items():
        text = f"{known['calls_per_request']:,.3f} calls a request"
        if "latency_ms" in known:
            text += f", p95 {known['latency_ms']['p95']:,.2f} ms"
        if known["refused_share"]:
            text += f", {known['refused_share']:.2%} refused"
        rows.append((f"step {step}", text))
    return rows


def _table(answer: dict[str, Any]) -> str:
    fates = ("requests", "served", "dropped", "abandoned", "in_system")
    rows = [(name.replace("_", " "), f"{answer[name]:,}") for name in fates]
    if "instance_hours" in answer:
        held = f"{answer['instance_hours']:,.2f}"
        if "standard_errors" in answer:
            held += f" +/- {answer['standard_errors']['instance_hours']:,.2g}"
        rows.append(("instance-hours", held))
    if "taken" in answer:
        gone = f"{answer['taken']:,} taken back, {answer['failed']:,} failed"
        rows.append(("of them on demand", f"{answer['on_demand_instance_hours']:,.2f}"))
        rows += [("machines", gone), ("requests cut off", f"{answer['requeued']:,}")]
    held_h = sum(answer["replica_hours"].values())
    for state, hours in answer["replica_hours"].items():
        share = f"   {hours / held_h:6.1%}" if held_h > 0 else ""
        rows.append((f"replica-hours, {state.replace('_', ' ')}", f"{hours:,.3f}{share}"))
    for name in TIMES:
        for quantile, value in answer.get(name, {}).items():
            error = answer.get("standard_errors", {}).get(name, {}).get(quantile)
            text = f"{value:,.2f} ms" + ("" if error is None else f" +/- {error:,.2g}")
            rows.append((f"{name.removesuffix('_ms')}, {quantile}", text))
    if "batch_mean" in answer:
        rows.append(("mean batch", f"{answer['batch_mean']:,.3f}"))
    if "energy_kwh" in answer:
        rows.append(("energy", f"{answer['energy_kwh']:,.4g} kWh"))
    rows += _step_rows(answer.get("steps", {}))
    rows.append(("simulated", f"{answer['simulated_s']:,.1f} s in {answer['wall_s']:,.2f} s"))
    return "".join(f"{name:<24} {value}\n" for name, value in rows)
