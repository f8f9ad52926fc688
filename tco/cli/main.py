"""The root of the ``tco`` command: its global options, its commands, and how errors leave it.

Exit status: 0 done; 1 done, but the answer is no; 2 bad input. Answers go to stdout, messages to
stderr. A traceback is shown with ``--debug`` only.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, TextIO

import typer

from tco.cli import (
    answers,
    decisions,
    exports,
    files,
    import_snapshot,
    imports,
    measure,
    measure_calibrate,
    measure_import,
    measure_steps,
    optimize,
    prices,
    robust,
    simulate,
    sweeps,
    training,
    views,
    waste,
    workload,
)
from tco.cli.context import Options, say
from tco.errors import TcoError

DEBUG = "--debug"
INTERRUPTED = 130
OUTPUT_FAILS = {errno.EBADF, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC}

app = typer.Typer(
    name="tco",
    help="Rank model snapshots by total cost of ownership: from measured speed, simulated traffic "
    "and dated prices.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
answers.add_to(app)
decisions.add_to(app)
exports.add_to(app)
simulate.add_to(app)
training.add_to(app)
views.add_to(app)
waste.add_to(app)
optimize.add_to(app)
robust.add_to(app)
app.add_typer(sweeps.app, name="sweep", help="Many what-ifs at once, and reading them.")
app.add_typer(prices.app, name="prices", help="The dated price catalogue.")
import_snapshot.add_to(imports.app)
app.add_typer(imports.app, name="import", help="Histories of experiments, snapshots of models.")
app.add_typer(workload.app, name="workload", help="Workloads from data.")
measure_calibrate.add_to(measure.app)
measure_import.add_to(measure.app)
measure_steps.add_to(measure.app)
app.add_typer(measure.app, name="measure", help="Measurements: what snapshots do on hardware.")
files.add_to(app)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer's signature of a callback
    from importlib.metadata import version

    if wanted:
        typer.echo(f"tco {version('tco-planner')}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    data: Annotated[
        Path | None,
        typer.Option(help="folder with pricing/, scenarios/ and benchmarks/", show_default=False),
    ] = None,
    debug: Annotated[bool, typer.Option(DEBUG, help="show tracebacks")] = False,
    show_version: Annotated[
        bool,
        typer.Option("--version", help="print the version", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """Hold the global options for the commands."""
    context.obj = Options(data=data, debug=debug)


def main() -> None:
    """Run the command and leave with its status; a user never meets a traceback."""
    arguments = [word for word in sys.argv[1:] if word != DEBUG]
    debug = len(arguments) < len(sys.argv) - 1  # it may stand anywhere
    if sys.stderr is None:  # closed, as by `2>&-`
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - open until the process ends
    if sys.stdout is None:
        say("standard output is closed; open it, or send it to a file")
        sys.exit(2)
    try:
        Path.cwd()
    except FileNotFoundError:
        say("the current folder is gone; change to another")
        sys.exit(2)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal may know fewer letters
    sys.exit(_status(arguments, debug=debug))


def _stopped() -> int:
    _drop(sys.stdout)
    say("stopped")
    return INTERRUPTED


def _status(arguments: list[str], *, debug: bool) -> int:
    try:
        status = _run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _stopped()
    except BrokenPipeError:  # the reader has gone, as `| head` does
        _drop(sys.stdout)
        return 0
    except Exception as error:
        # The last door: everything leaves through it in words.
        if isinstance(error.__cause__, KeyboardInterrupt):
            return _stopped()  # compiled code wraps it in an error of its own
        if debug:
            traceback.print_exc()
        _say_error(error)
        _drop(sys.stdout)
        return 2
    return status


def _run(arguments: list[str]) -> int:
    """Run the command without click's own way out, which hides a broken pipe and an interrupt."""
    command = typer.main.get_command(app)
    try:
        with command.make_context("tco", arguments) as context:
            command.invoke(context)
    except typer.Exit as leave:
        return leave.exit_code
    except typer.Abort:
        raise KeyboardInterrupt from None
    return 0


def _say_error(error: Exception) -> None:
    """Say an error in words."""
    if isinstance(error, TcoError):
        say(str(error))
    elif isinstance(error, OSError) and error.errno in OUTPUT_FAILS:
        say(f"the output cannot be written: {error.strerror}. What is there is not whole.")
    elif isinstance(error, OSError) and error.filename is not None:
        say(f"{error.filename}: {error.strerror or error}")
    elif hasattr(error, "format_message"):
        message = error.format_message()
        say(message.replace("Value error, ", "").replace("Input should be", "must be"))
        if "\n" not in message:  # else it is the help itself
            say("'tco --help' lists the commands, 'tco COMMAND --help' its options.")
    else:
        say(
            f"something went wrong inside the planner ({type(error).__name__}: {error}). "
            "Run again with --debug and report what it prints."
        )


def _drop(stream: TextIO) -> None:
    """Drop what a stream could not take, so that Python does not try it again on its way out."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
