"""``tco sweep report``: what the cells of a sweep show together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tco.cli.answers import AsJson
from tco.cli.context import deliver, print_json, say
from tco.data import write_whole
from tco.errors import TcoError, nearest

if TYPE_CHECKING:
    import pandas as pd

    from tco.sweep.report import Report

MOST_SHOWN = 12
"""Rows of a table on the screen; --json and --export have them all."""
CHARTS, TABLES = (".svg", ".png"), (".parquet", ".csv")


def report(
    folder: Annotated[
        Path, typer.Argument(help="folder of results, or a file that --export wrote")
    ],
    x: Annotated[
        str | None, typer.Option(help="axis from left to right", show_default="the first")
    ] = None,
    y: Annotated[
        str | None, typer.Option(help="axis from below", show_default="the second")
    ] = None,
    of: Annotated[
        str, typer.Option(help="whose cost the drivers explain: a snapshot, or the cheapest")
    ] = "cheapest",
    chart: Annotated[
        Path | None, typer.Option(help="draw who wins where, as .svg or .png", show_default="none")
    ] = None,
    export: Annotated[
        Path | None, typer.Option(help="all rows, as .parquet or .csv", show_default="none")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say who wins where, which driver decides, which choice is robust."""
    for path, known in ((chart, CHARTS), (export, TABLES)):
        if path is not None and path.suffix not in known:
            near = nearest(path.suffix, known)
            raise TcoError(f"{path} ends in '{path.suffix}'; write {' or '.join(known)} ({near})")
    from tco.sweep import read_folder  # takes a second: first say what is wrong
    from tco.sweep.report import Report

    found = _file(folder) if folder.is_file() else read_folder(folder)
    told = Report.of(found)
    axes = [axis.name for axis in told.axes]
    across, up = x or axes[0], y or next((name for name in axes if name != (x or axes[0])), None)
    regions = None if up is None else told.regions(across, up)
    if as_json:
        print_json(_document(told, regions, across, up, of))
    else:
        deliver(_text(told, regions, across, up, of), None)
    if chart is not None:
        if regions is None or up is None:
            raise TcoError("who wins where needs two axes, and this sweep has one")
        _draw(told, regions, across, up, chart)
    if export is not None:
        _export(told, export)


def _file(path: Path) -> Any:
    from tco.sweep import read_file

    return read_file(path.read_bytes(), str(path))


def _draw(told: Report, regions: pd.DataFrame, across: str, up: str, path: Path) -> None:
    from tco.charts.picture import as_png, as_svg
    from tco.charts.sweeps import regions as drawn
    from tco.sweep.report import NOBODY

    titles = {axis.name: axis.title for axis in told.axes}
    chart = drawn(
        regions, across=titles[across], up=titles[up], nobody=NOBODY, title=told.manifest.title
    )
    content = as_png(chart) if path.suffix == ".png" else as_svg(chart).encode()
    write_whole(path, content)
    say(f"wrote {path}")


def _export(told: Report, path: Path) -> None:
    from tco.export.tables import as_csv, safe_text
    from tco.sweep.table import as_one_file

    if path.suffix == ".parquet":
        write_whole(path, as_one_file(told.found))
    else:
        write_whole(path, as_csv(safe_text(told.found.table.to_pandas())))
    say(f"wrote {path}, {told.found.table.num_rows:,} rows")


# ---- as data ------------------------------------------------------------------------------------


def _document(
    told: Report, regions: pd.DataFrame | None, across: str, up: str | None, of: str
) -> dict[str, Any]:
    manifest = told.manifest
    return {
        "schema": "tco/sweep-report/1",
        "name": manifest.name,
        "digest": manifest.digest,
        "basis": manifest.basis.value,
        "cells": manifest.cells,
        "done": manifest.done,
        "refused": _records(told.refusals()),
        "choices": _records(told.choices()),
        "drivers": {"of": of, "shares": _records(told.effects(of))},
        "regions": None if regions is None else {"x": across, "y": up, "places": _records(regions)},
    }


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    known = table.astype(object).where(table.notna(), None)
    records = known.to_dict(orient="records")
    return [{str(name): value for name, value in record.items()} for record in records]


# ---- as text ------------------------------------------------------------------------------------


def _text(told: Report, regions: pd.DataFrame | None, across: str, up: str | None, of: str) -> str:
    manifest, refusals = told.manifest, told.refusals()
    refused = f", {int(refusals['cells'].sum()):,} of them refused" if len(refusals) else ""
    lines = [
        manifest.title,
        manifest.question,
        "",
        f"{manifest.done:,} of {manifest.cells:,} cells{refused}; {manifest.basis} basis, "
        f"digest {manifest.digest[:8]}",
        "",
        *_choices(told.choices()),
        "",
        *_drivers(told.effects(of), of),
    ]
    if regions is not None and up is not None:
        lines += ["", *_regions(regions, across, up)]
    if len(refusals):
        lines += ["", "Refused", *(
            f"{cells:>8,}  {str(message).splitlines()[0]}"
            for message, cells in list(refusals.itertuples(index=False))[:MOST_SHOWN]
        )]  # fmt: skip
    return "\n".join(lines) + "\n"


def _choices(table: pd.DataFrame) -> list[str]:
    if table.empty:
        return ["No option meets the goals in any cell."]
    wide = max(len(str(name)) for name in table["snapshot"])
    lines = [
        "Snapshots, the least regretted first",
        f"{'':{wide}}{'wins':>8}{'cells':>9}{'worst regret':>16}{'mean regret':>16}"
        f"{'worst ratio':>13}",
    ]
    for one in _records(table):
        ratio = "" if one["worst_ratio"] is None else f"{one['worst_ratio']:.2f}x"
        lines.append(
            f"{one['snapshot']:{wide}}{one['won_share']:>8.0%}{one['cells']:>9,}"
            f"{one['worst_regret_usd']:>16,.0f}{one['mean_regret_usd']:>16,.0f}{ratio:>13}"
            + ("" if one["is_choice"] else "  does not meet the goals wherever another does")
        )
    return lines


def _drivers(table: pd.DataFrame, of: str) -> list[str]:
    head = f"What explains the cost of {'the cheapest' if of == 'cheapest' else of}"
    if table.empty:
        return [f"{head}: it is the same everywhere, or there are too few cells to tell."]
    return [
        head,
        *(
            f"{row.share:>8.1%}  {row.axis}" + (f" and {other} together" if other else "")
            for row, other in zip(
                table.head(MOST_SHOWN).itertuples(index=False), table["with"], strict=False
            )
        ),
    ]


def _regions(table: pd.DataFrame, across: str, up: str) -> list[str]:
    """Write who wins where as a grid of numbers, with what they stand for below."""
    winners = list(dict.fromkeys(table.sort_values("cells", ascending=False)["winner"]))
    signs = {name: str(number) for number, name in enumerate(winners, start=1)}
    columns = table.sort_values("x")["x_label"].drop_duplicates().tolist()
    rows = table.sort_values("y", ascending=False)["y_label"].drop_duplicates().tolist()
    there = {(row.x_label, row.y_label): row for row in table.itertuples(index=False)}
    wide = max(len(label) for label in [*rows, up])
    place = max(6, *(len(label) + 2 for label in columns))
    lines = [f"Who wins where: {up} upwards, {across} to the right"]
    for label in rows:
        cells = [there.get((column, label)) for column in columns]
        drawn = [
            "" if one is None else signs[one.winner] + ("" if one.share == 1 else "~")
            for one in cells
        ]
        lines.append(f"{label:>{wide}}" + "".join(f"{sign:>{place}}" for sign in drawn))
    lines.append(" " * wide + "".join(f"{label:>{place}}" for label in columns))
    lines += [f"  {sign} = {name}" for name, sign in signs.items()]
    if (table["share"] < 1).any():
        lines.append("  ~ = in most of the cells there, not in all")
    return lines
