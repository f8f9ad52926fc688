"""How the command leaves: in words, with the right status, whatever the terminal or disk does."""

import errno
import io
import os
import signal
import sys
import time
from pathlib import Path

import pytest
import typer

from tco.cli.context import Options
from tests.cli.conftest import Tco

BASE, HIGH = "case/base", "case/high"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("rnak",), "No such command 'rnak'. Did you mean 'rank'?"),
        (("prices", "lits"), "No such command 'lits'. Did you mean 'list'?"),
        (("rank", "--bases", "cash"), "No such option: --bases (Possible options: --basis)"),
        (("--dta", "x", "rank"), "No such option: --dta (Possible options: --data)"),
        (
            ("rank", "--basis", "cahs"),
            "Invalid value for '--basis': 'cahs' is not one of 'accrual', 'cash', 'present value'.",
        ),
        (("ledger",), "Missing argument 'scenario'."),
        (("diff", BASE), "Missing argument 'new'."),
        (("rank", "--basis"), "Option '--basis' requires an argument."),
    ],
)
def test_a_slip_is_told_with_what_is_near(tco: Tco, arguments: tuple[str, ...], words: str):
    done = tco(*arguments)
    assert (done.status, done.out) == (2, "")
    advice = "tco: 'tco --help' lists the commands, 'tco COMMAND --help' its options."
    assert done.err.splitlines() == [f"tco: {words}", advice]


def test_no_command_at_all_shows_the_help(tco: Tco):
    done = tco()
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("Usage: tco [OPTIONS] COMMAND")


@pytest.mark.parametrize("words", [("--help",), ("-h",), ("rank", "--help"), ("prices", "-h")])
def test_help_goes_to_stdout(tco: Tco, words: tuple[str, ...]):
    done = tco(*words)
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("Usage: tco ")


def test_the_version_is_that_of_the_package(tco: Tco):
    assert tco("--version").out.startswith("tco 0.")


def test_a_wrong_data_folder_is_told(tco: Tco, tmp_path: Path):
    done = tco("--data", tmp_path, "rank")
    assert done.status == 2
    assert f"{tmp_path} (from --data) has no folder pricing, scenarios, benchmarks." in done.err


# What nobody expected


def broken(self: Options) -> None:
    raise RuntimeError("a screw is loose")


def test_a_fault_of_ours_is_told_without_a_traceback(tco: Tco, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Options, "library", property(broken))
    done = tco("rank")
    assert (done.status, done.out) == (2, "")
    assert done.err == (
        "tco: something went wrong inside the planner (RuntimeError: a screw is loose). "
        "Run again with --debug and report what it prints.\n"
    )


@pytest.mark.parametrize("arguments", [("--debug", "rank"), ("rank", "--debug")])
def test_debug_shows_the_traceback_wherever_it_stands(
    tco: Tco, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
):
    monkeypatch.setattr(Options, "library", property(broken))
    done = tco(*arguments)
    assert done.status == 2
    assert done.err.startswith("Traceback (most recent call last):")
    assert "RuntimeError: a screw is loose" in done.err


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "the output cannot be written: No space",
        ),
        (PermissionError(errno.EACCES, "Permission denied", "x.csv"), "x.csv: Permission denied"),
        (OSError("odd"), "something went wrong inside the planner (OSError: odd)"),
    ],
)
def test_faults_of_the_system_are_told(
    tco: Tco, monkeypatch: pytest.MonkeyPatch, error: OSError, words: str
):
    def fail(self: Options) -> None:
        raise error

    monkeypatch.setattr(Options, "library", property(fail))
    done = tco("rank")
    assert done.status == 2
    assert done.err.startswith(f"tco: {words}")


def test_a_deleted_current_folder_is_told(
    tco: Tco, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    done = tco("rank")
    assert (done.status, done.err) == (2, "tco: the current folder is gone; change to another\n")


# Interrupts


def test_an_interrupt_inside_a_command_is_quiet(tco: Tco, monkeypatch: pytest.MonkeyPatch):
    def interrupted(self: Options) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Options, "library", property(interrupted))
    done = tco("rank")
    assert (done.status, done.out, done.err) == (130, "", "tco: stopped\n")


def test_an_abort_is_an_interrupt(tco: Tco, monkeypatch: pytest.MonkeyPatch):
    def aborted(self: Options) -> None:
        raise typer.Abort

    monkeypatch.setattr(Options, "library", property(aborted))
    assert tco("rank").status == 130


def test_an_interrupt_in_compiled_code_is_an_interrupt(tco: Tco, monkeypatch: pytest.MonkeyPatch):
    def interrupted(self: Options) -> None:
        raise SystemError("returned a result with an exception set") from KeyboardInterrupt()

    monkeypatch.setattr(Options, "library", property(interrupted))
    done = tco("rank")
    assert (done.status, done.err) == (130, "tco: stopped\n")


@pytest.mark.parametrize("after_s", [0.0, 0.02, 0.1])
def test_ctrl_c_ends_a_running_command_without_a_traceback(command, after_s: float):
    running = command("rank", BASE, HIGH, "--fidelity", "full", bufsize=1)
    assert running.stdout.readline() == "\n", "the first ranking is there: the command is at work"
    time.sleep(after_s)
    running.send_signal(signal.SIGINT)
    _, stderr = running.communicate(timeout=60)
    assert "Traceback" not in stderr
    assert running.returncode in (130, 0), "stopped, or done on a quick machine"


def test_ctrl_c_while_the_command_line_is_loaded_is_quiet(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    from tco import __main__ as start

    class Interrupted:
        def find_spec(self, name: str, path: object = None, target: object = None) -> None:
            if name == "tco.cli":
                raise KeyboardInterrupt

    for name in [name for name in sys.modules if name.startswith("tco.cli")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Interrupted(), *sys.meta_path])
    with pytest.raises(SystemExit) as left:
        start.main()
    assert left.value.code == 130
    assert capsys.readouterr().err == ""


# Pipes, devices and disks


class Gone(io.StringIO):
    """A stream whose reader has gone, on a device of its own."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self.error = error
        self.own = os.open(os.devnull, os.O_RDONLY)

    def flush(self) -> None:
        raise self.error

    def fileno(self) -> int:
        return self.own


@pytest.mark.parametrize(
    ("error", "status"), [(BrokenPipeError(), 0), (OSError(errno.ENOSPC, "No space left"), 2)]
)
def test_a_stream_that_takes_no_more_is_dropped(
    tco: Tco, monkeypatch: pytest.MonkeyPatch, error: OSError, status: int
):
    gone = Gone(error)
    monkeypatch.setattr(sys, "stdout", gone)
    done = tco("doctor")
    assert done.status == status
    assert done.err == ("" if status == 0 else "tco: the output cannot be written: No space left. "
                                               "What is there is not whole.\n")  # fmt: skip
    assert os.write(gone.own, b"lost") == 4, "what is left goes to the null device"
    os.close(gone.own)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_stream_that_was_never_open_is_no_fault(
    tco: Tco, monkeypatch: pytest.MonkeyPatch, stream: str
):
    monkeypatch.setattr(sys, stream, None)
    done = tco("rank", "nothing")
    assert (done.status, done.out) == (2, "")
    if stream == "stderr":
        sys.stderr.close()


# The same in a process of its own


def test_a_reader_that_goes_away_is_no_error(command):
    with command("ledger", BASE, "--format", "json") as running:
        running.stdout.close()
        assert running.stderr.read() == ""
    assert running.returncode == 0


@pytest.mark.parametrize("arguments", [("rank", BASE), ("--help",)])
def test_a_full_device_is_told(command, arguments: tuple[str, ...]):
    with Path("/dev/full").open("w") as full:
        running = command(*arguments, stdout=full)
        _, stderr = running.communicate(timeout=60)
    assert running.returncode == 2
    words = "the output cannot be written: No space left on device. What is there is not whole."
    assert stderr == f"tco: {words}\n"


def test_a_closed_stdout_is_told(command):
    running = command("rank", BASE, stdout=None, preexec_fn=lambda: os.close(1))
    _, stderr = running.communicate(timeout=60)
    assert running.returncode == 2
    assert stderr == "tco: standard output is closed; open it, or send it to a file\n"


@pytest.mark.parametrize("how", ["closed", "full"])
def test_without_stderr_the_status_still_tells(command, how: str):
    if how == "closed":
        running = command("rank", "nothing", stderr=None, preexec_fn=lambda: os.close(2))
        stdout, _ = running.communicate(timeout=60)
    else:
        with Path("/dev/full").open("w") as full:
            running = command("rank", "nothing", stderr=full)
            stdout, _ = running.communicate(timeout=60)
    assert (running.returncode, stdout) == (2, "")


def test_a_terminal_that_knows_fewer_letters_is_served(command, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    stdout, stderr = command("explain", BASE).communicate(timeout=60)
    assert stderr == ""
    assert "\\u251c\\u2500" in stdout


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("missing/rows.csv", "No such file or directory"),
        ("", "it is a folder"),
        ("file/rows.csv", "Not a directory"),
        ("x" * 300, "File name too long"),
    ],
)
def test_a_place_that_cannot_be_written_is_told(tco: Tco, tmp_path: Path, place: str, reason: str):
    (tmp_path / "file").write_text("kept")
    done = tco("ledger", BASE, "--out", tmp_path / place)
    assert (done.status, done.out) == (2, "")
    assert f"cannot be written: {reason}. Nothing was changed; choose another place." in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "kept"


def test_a_full_disk_leaves_no_half_file(tco: Tco, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    target = tmp_path / "rows.csv"
    target.write_text("what was there")
    write_bytes = Path.write_bytes

    def full(self: Path, content: bytes) -> int:
        write_bytes(self, content[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    done = tco("ledger", BASE, "--out", target)
    assert done.status == 2
    assert "cannot be written: No space left on device. Nothing was changed" in done.err
    assert target.read_text() == "what was there"
    assert list(tmp_path.iterdir()) == [target]
