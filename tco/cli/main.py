"""The root of the ``tco`` command: its global options, its commands, and how errors leave it.

Exit status: 0 done; 1 done, but the answer is no; 2 bad input. Answers go to stdout, messages to
stderr. A traceback is shown with ``--debug`` only.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from tco.cli import answers, files, prices
from tco.cli.context import Options, say
from tco.errors import TcoError

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
app.add_typer(prices.app, name="prices", help="The dated price catalogue.")
files.add_to(app)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer's signature of a callback
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
    debug: Annotated[bool, typer.Option("--debug", help="show tracebacks")] = False,
    show_version: Annotated[
        bool,
        typer.Option("--version", help="print the version", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """Hold the global options for the commands."""
    context.obj = Options(data=data, debug=debug)


def main() -> None:
    """Run the command and leave with its status; a user never meets a traceback."""
    debug = "--debug" in sys.argv
    try:
        status = app(standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has gone, as `| head` does. Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except KeyboardInterrupt:
        say("stopped")
        sys.exit(130)
    except Exception as error:
        # The last door: everything leaves through it in words.
        if debug:
            traceback.print_exc()
        status = _said(error)
        _silence_stdout()
    sys.exit(status if isinstance(status, int) else 0)


def _said(error: Exception) -> int:
    """Say an error in words and return the exit status."""
    if isinstance(error, TcoError):
        say(str(error))
    elif isinstance(error, OSError) and error.errno == errno.ENOSPC:
        say("the disk or device for the output is full; nothing half-written is left")
    elif isinstance(error, OSError):
        say(f"{error.filename or 'output'}: {error.strerror or error}")
    elif hasattr(error, "format_message") and hasattr(error, "exit_code"):
        say(f"{error.format_message()}")
        say("'tco --help' lists the commands, 'tco COMMAND --help' its options.")
    elif type(error).__name__ == "Abort":
        say("stopped")
        return 130
    else:
        say(
            f"something went wrong inside the planner ({type(error).__name__}: {error}). "
            "Run again with --debug and report what it prints."
        )
    return 2


def _silence_stdout() -> None:
    """Drop what a full device refused, so that leaving does not raise it again."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
