"""The commands around the answers: check files, look at the machine, open the app."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from tco.cli.context import Options, options_of, print_json, say
from tco.data import PACKAGED, user_overlay
from tco.errors import TcoError

PACKAGES = ("numpy", "pandas", "simpy", "pydantic", "genai-prices", "streamlit")
EXTRAS = {
    "torch": ("torch", "measuring models", "pip install torch==2.13.0"),
    "onnxruntime": ("onnxruntime", "measuring models", "pip install 'tco-planner[measure]'"),
    "transformers": ("transformers", "measuring models", "pip install 'tco-planner[measure]'"),
    "pynvml": ("nvidia-ml-py", "energy of NVIDIA boards", "pip install 'tco-planner[measure]'"),
    "codecarbon": ("codecarbon", "estimated energy", "pip install 'tco-planner[measure]'"),
    "boto3": ("boto3", "refreshing AWS prices", "pip install 'tco-planner[aws]'"),
    "distributed": ("distributed", "sweeps on a cluster", "pip install 'tco-planner[cluster]'"),
    "mlflow": ("mlflow-skinny", "experiment history", "pip install 'tco-planner[mlflow]'"),
}


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (check, doctor):
        app.command()(command)
    app.command("app")(open_app)


def check(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="scenario, snapshot or organisation files")],
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Validate files and list everything that is wrong; exit 2 if anything is."""
    from tco.check import check_files

    findings = check_files(files, options_of(context).library)
    if as_json:
        keys = ("file", "line", "key", "problem", "near", "action")
        rows = [{key: getattr(finding, key) for key in keys} for finding in findings]
        print_json({"schema": "tco/check/1", "files": len(files), "findings": rows})
    else:
        for finding in findings:
            sys.stdout.write(f"{finding}\n")
        if not findings:
            sys.stdout.write(
                f"{len(files)} {'file' if len(files) == 1 else 'files'} checked, fine\n"
            )
    if findings:
        raise typer.Exit(2)


def doctor(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Say what this machine has, where the data lies, and what a missing part needs."""
    found = _findings(options_of(context))
    if as_json:
        print_json({"schema": "tco/doctor/1", **found})
    else:
        for group, entries in found.items():
            sys.stdout.write(f"{group}\n")
            for name, value in entries.items():
                sys.stdout.write(f"  {name:<14} {value}\n")


def _findings(options: Options) -> dict[str, dict[str, Any]]:
    machine = {
        "python": platform.python_version(),
        "system": platform.platform(terse=True),
        "processors": os.cpu_count(),
    }
    packages = {name: version(name) for name in PACKAGES}
    extras = {}
    for module, (package, use, install) in EXTRAS.items():
        if find_spec(module) is None:
            extras[module] = f"not installed; for {use}: {install}"
        else:
            extras[module] = _version(package)
    try:
        folder = options.folder
        data: dict[str, Any] = {"folder": str(folder.root), "found by": folder.found_by}
        data["scenarios"] = len(options.library.scenario_paths())
        data["snapshots"] = len(options.library.snapshot_ids())
        data["own prices"] = str(user_overlay())
    except TcoError as error:
        data = {"problem": str(error)}
    return {
        "machine": machine,
        "packages": packages,
        "extras": extras,
        "measuring": _measuring(),
        "energy": _energy(),
        "data": data,
    }


def _measuring() -> dict[str, str]:
    """Say which kinds of measurement this machine can make."""
    needs = {
        "onnx": ("onnx", "onnxruntime"),
        "torch": ("torch", "transformers"),
        "train": ("torch", "transformers"),
        "llm": ("torch", "transformers"),
        "endpoint": (),
        "callable": (),
    }
    found = {}
    for runner, modules in needs.items():
        missing = [module for module in modules if find_spec(module) is None]
        found[runner] = f"needs {', '.join(missing)}" if missing else "can be measured"
    return found


def _energy() -> dict[str, str]:
    """Say which meters work here, and what a missing one needs."""
    from tco.measure.nvml_meter import open_nvml
    from tco.measure.rapl_meter import open_rapl

    found = {}
    for name, source in (("nvml", open_nvml()), ("rapl", open_rapl())):
        found[name] = source if isinstance(source, str) else f"works: {source.name}, measured"
    installed = find_spec("codecarbon") is not None
    found["codecarbon"] = "works: modelled, an estimate" if installed else "not installed"
    return found


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "installed"


def open_app(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=1, max=65535, help="port on this machine")] = 8501,
) -> None:
    """Open the planner in a browser, on this machine alone."""
    options = options_of(context)
    script = next(
        (
            p
            for p in (options.folder.root / "streamlit_app.py", PACKAGED / "streamlit_app.py")
            if p.is_file()
        ),
        Path(__file__).parents[2] / "streamlit_app.py",
    )
    if not script.is_file():
        raise TcoError(f"the app's script is not at {script}; install the package again")
    os.environ["TCO_DATA"] = str(options.folder.root)
    say(f"the planner opens at http://localhost:{port} (Ctrl-C ends it)")
    arguments = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(script),
        "--server.port",
        str(port),
        "--server.address",
        "127.0.0.1",
        "--server.headless",
        "true",
    ]
    os.execv(sys.executable, arguments)  # noqa: S606 - our own interpreter, no shell
