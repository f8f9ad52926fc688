"""``tco import snapshot``: what files and trackers tell about models becomes snapshot files."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tco.cli.context import Options, deliver, options_of, print_json, say
from tco.data import user_overlay
from tco.errors import Finding, InputError, TcoError

if TYPE_CHECKING:
    from tco.imports.snapshot_facts import Imported, Value

Source = Annotated[
    str | None,
    typer.Argument(
        help="CSV or XLSX table, model card, config.json, .safetensors, .onnx, a folder of these, "
        "or an MLflow store",
        show_default=False,
    ),
]


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("snapshot")(snapshot)


def snapshot(
    context: typer.Context,
    source: Source = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="KEY=VALUE that the source does not tell", show_default=False),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="of an MLflow store: MODEL, MODEL/VERSION or RUN", show_default="all"),
    ] = None,
    template: Annotated[
        bool, typer.Option("--template", help="print the table to fill in, and write nothing")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="folder to write to", show_default="your own snapshots")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="overwrite files that are there")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Make snapshot files of what a source tells about models; weights are never loaded.

    All of a source is imported, or nothing. What it does not tell stays missing: what every
    snapshot needs is said with --set, or in the table that --template prints.
    """
    from tco.imports.snapshot_facts import snapshots_of
    from tco.imports.snapshot_sources import facts_of
    from tco.imports.snapshot_table import template as table

    if source is None:
        if not template:
            raise TcoError("name a source, or ask for an empty table with --template")
        deliver(table(), None)
        return
    said = _said(set_ or [])
    told = facts_of(source, only or [])
    if template:
        deliver(table(told, said), None)
        return
    imported = snapshots_of(told, said)
    if as_json:
        print_json({"schema": "tco/snapshots/1", "snapshots": [_entry(each) for each in imported]})
    else:
        deliver(_summary(imported), None)
    if not as_json or out is not None:
        _write(imported, options_of(context), out, may_replace=replace)


def _said(pairs: Sequence[str]) -> dict[str, Value]:
    from tco.imports.snapshot_facts import known_key, nearest_key, value_of

    said: dict[str, Value] = {}
    for pair in pairs:
        name, mark, text = pair.partition("=")
        key = known_key(name)
        if not mark or not text or key is None:
            near = nearest_key(name)
            problem, action = f"'{pair}'", "write KEY=VALUE; --template prints all keys"
            raise InputError([Finding("command line", None, "--set", problem, action, near)])
        try:
            said[key] = value_of(key, text)
        except ValueError as error:
            action = "correct the value"
            finding = Finding("command line", None, f"--set {name}", str(error), action)
            raise InputError([finding]) from None
    return said


def _write(
    imported: Sequence[Imported], options: Options, out: Path | None, *, may_replace: bool
) -> None:
    """Write all files, or none: they are written aside first and moved when all are whole."""
    folder = out or user_overlay() / "snapshots"
    shipped = options.folder.scenarios / "snapshots"
    findings = []
    for each in imported:
        name = f"{each.snapshot.id}.yaml"
        if (shipped / name).exists() and folder.resolve() != shipped.resolve():
            action = "choose another with --set id=... or in the table"
            findings.append(Finding(str(shipped / name), None, "id", "the id is taken", action))
        elif (folder / name).exists() and not may_replace:
            action = "choose another id, or say --replace"
            findings.append(Finding(str(folder / name), None, "id", "the file is there", action))
    if findings:
        raise InputError(findings)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", dir=folder) as aside:
            written = []
            for each in imported:
                file = Path(aside) / f"{each.snapshot.id}.yaml"
                file.write_text(each.yaml, encoding="utf-8")
                written.append(file)
            for file in written:
                file.replace(folder / file.name)
    except OSError as error:
        raise TcoError(
            f"{folder} cannot be written: {error.strerror}; choose another with --out"
        ) from None
    for each in imported:
        say(f"wrote {folder / each.snapshot.id}.yaml")


def _entry(each: Imported) -> dict[str, object]:
    return {
        "snapshot": each.snapshot.model_dump(mode="json", exclude_unset=True),
        "unknown": list(each.unknown),
        "remarks": list(each.remarks),
    }


def _summary(imported: Sequence[Imported]) -> str:
    lines = []
    for each in imported:
        own = each.snapshot
        lines.append(f"{own.id}: {own.name}, {own.version}; {own.licence}; {own.size_class}")
        if each.unknown:
            lines.append(f"  stays unknown: {', '.join(each.unknown)}")
        lines += [f"  {remark}" for remark in each.remarks]
    return "\n".join(lines) + "\n"
