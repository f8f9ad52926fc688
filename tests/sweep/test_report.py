"""What a report says, against sums that can be done by hand."""

import itertools
import json
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tco.charts.sweeps import drivers, regions
from tco.domain.cost import Basis
from tco.domain.sweep import OPTION_COLUMNS
from tco.errors import TcoError
from tco.sweep import read_file
from tco.sweep.cells import Cell
from tco.sweep.report import NOBODY, Report
from tco.sweep.table import AxisColumn, Done, Found, Manifest, as_one_file, table_of

LARGE = 100_000


def row(option, snapshot, usd, *, place="ranked"):
    figures = {"option": option, "snapshots": snapshot, "place": place, "cost_usd": usd}
    return [figures.get(name) for name in OPTION_COLUMNS]


def results(costs, *, is_full_grid=True, replications=1, names=("x", "y"), scale="linear") -> Found:
    """Make results of ``{(x, y): {snapshot: usd} or a message}``."""
    axes = tuple(AxisColumn(name=name, title=name, type="number", scale=scale) for name in names)
    done = []
    for number, ((x, y), known) in enumerate(costs.items()):
        cell = Cell(number, "case/base", 0, dict(zip(names, (x, y), strict=True)), {}, {})
        message = known if isinstance(known, str) else None
        rows = [] if message else [row(f"{name}-option", name, usd) for name, usd in known.items()]
        done.append(Done(f"{number:064x}", cell, 7, rows, message))
    table = table_of(axes, done)
    table = table.append_column("scenario", pa.array(["case/base"] * table.num_rows))
    manifest = Manifest(
        format="sweep-results/1", name="s", title="t", question="q", digest="0" * 64,
        basis=Basis.ACCRUAL, fidelity="quick", is_full_grid=is_full_grid, replications=replications,
        axes=axes, cells=len(costs), done=len(costs), rests_on={}, sweep={},
    )  # fmt: skip
    return Found(manifest, table)


def test_the_winner_of_each_place_is_the_cheapest_there():
    costs = {
        (1.0, 1.0): {"a": 10.0, "b": 20.0},
        (2.0, 1.0): {"a": 30.0, "b": 20.0},
        (1.0, 2.0): {"b": 5.0},
        (2.0, 2.0): "no such machine",
    }
    report = Report.of(results(costs))
    found = {
        (r.x, r.y): (r.winner, r.share, r.cells) for r in report.regions("x", "y").itertuples()
    }
    assert found == {
        (1.0, 1.0): ("a", 1.0, 1),
        (2.0, 1.0): ("b", 1.0, 1),
        (1.0, 2.0): ("b", 1.0, 1),
    }
    assert report.refusals().to_dict("records") == [{"message": "no such machine", "cells": 1}]


def test_regrets_are_against_the_best_of_each_cell():
    costs = {
        (1.0, 1.0): {"a": 10.0, "b": 14.0, "c": 11.0},
        (2.0, 1.0): {"a": 50.0, "b": 40.0},
        (3.0, 1.0): {"a": 9.0, "b": 12.0, "c": 6.0},
    }
    found = Report.of(results(costs)).choices().set_index("snapshot")
    assert list(found.index) == ["b", "a", "c"], "c is no choice: in one cell it meets no goal"
    assert found["worst_regret_usd"].to_dict() == {"b": 6.0, "a": 10.0, "c": 1.0}
    assert found.loc["a", "mean_regret_usd"] == pytest.approx((0 + 10 + 3) / 3)
    assert found.loc["b", "worst_ratio"] == pytest.approx(2.0)
    assert found["won_share"].sum() == pytest.approx(1.0)


def test_two_options_of_a_snapshot_count_once_by_the_cheaper():
    found = results({(1.0, 1.0): {"a": 10.0}, (2.0, 1.0): {"a": 12.0}})
    first = found.table.slice(0, 1).to_pylist()[0]
    dearer = pa.Table.from_pylist([{**first, "option": "z", "cost_usd": 99.0}], found.table.schema)
    report = Report.of(Found(found.manifest, pa.concat_tables([found.table, dearer])))
    assert report.choices()["worst_regret_usd"].tolist() == [0.0]


def shares(report, of="cheapest"):
    return {(r.axis, r.other): r.share for r in
            report.effects(of).rename(columns={"with": "other"}).itertuples()}  # fmt: skip


def test_on_a_grid_an_additive_cost_has_no_interaction_and_a_product_has_its_share():
    levels = [-1.0, 0.0, 1.0]
    places = list(itertools.product(levels, levels))
    additive = shares(Report.of(results({(x, y): {"a": 100 + 3 * x + y} for x, y in places})))
    assert additive == pytest.approx({("x", ""): 0.9, ("y", ""): 0.1, ("x", "y"): 0.0}, abs=1e-12)
    # Var(x) = Var(y) = 2/3 and Var(xy) = 4/9 on these levels.
    mixed = shares(Report.of(results({(x, y): {"a": 100 + x + x * y} for x, y in places})))
    assert mixed[("x", "")] == pytest.approx((2 / 3) / (2 / 3 + 4 / 9))
    assert mixed[("x", "y")] == pytest.approx((4 / 9) / (2 / 3 + 4 / 9))


def test_where_levels_were_drawn_a_smooth_cost_gets_the_shares_of_its_terms():
    drawn = np.random.default_rng(5).uniform(-1, 1, size=(4000, 2))
    costs = {(float(x), float(y)): {"a": 100 + 2 * x + 3 * x * y} for x, y in drawn}
    found = shares(Report.of(results(costs, is_full_grid=False)))
    whole = 4 / 3 + 9 / 9
    assert found[("x", "")] == pytest.approx((4 / 3) / whole, abs=0.03)
    assert found[("x", "y")] == pytest.approx(1.0 / whole, abs=0.03)
    assert found[("y", "")] == pytest.approx(0.0, abs=0.01)


def test_a_dominant_driver_is_not_taken_for_interactions_of_others():
    drawn = np.random.default_rng(6).uniform(-1, 1, size=(60, 2))
    costs = {(float(x), float(y)): {"a": 100 + 50 * x} for x, y in drawn}
    found = shares(Report.of(results(costs, is_full_grid=False)))
    assert found[("x", "")] > 0.99 - 0.2
    assert found[("x", "y")] < 1e-9


def test_too_few_cells_tell_nothing():
    drawn = np.random.default_rng(7).uniform(size=(6, 2))
    costs = {(float(x), float(y)): {"a": 100 + x} for x, y in drawn}
    assert Report.of(results(costs, is_full_grid=False)).effects().empty
    same = {(x, 1.0): {"a": 5.0} for x in (1.0, 2.0)}
    assert Report.of(results(same)).effects().empty


def test_names_that_are_not_there_are_told_with_what_is_near():
    report = Report.of(results({(1.0, 1.0): {"alpha": 1.0}, (2.0, 1.0): {"alpha": 2.0}}))
    with pytest.raises(TcoError, match="no axis 'z'"):
        report.regions("x", "z")
    with pytest.raises(TcoError, match="name two axes"):
        report.regions("x", "x")
    with pytest.raises(TcoError, match=r"no snapshot 'alhpa'\. Near it: alpha"):
        report.effects("alhpa")


def test_names_of_axes_are_data_and_never_part_of_a_question():
    """A file that somebody brings may call an axis anything that is a name."""
    found = results({(1.0, 1.0): {"a'; DROP TABLE costs; --": 1.0}, (2.0, 1.0): {"b": 2.0}})
    assert set(Report.of(found).snapshots) == {"a'; DROP TABLE costs; --", "b"}
    assert len(Report.of(found).regions("x", "y")) == 2


@pytest.mark.parametrize(
    "names", [("winner", "usd"), ("snapshot", "y"), ("y", "x"), ("here", "best")]
)
def test_axes_may_be_called_like_what_is_worked_out_of_them(names):
    places = itertools.product([1.0, 2.0], [1.0, 3.0])
    costs = {(x, y): {"a": 10 + x * y, "b": 12 + x} for x, y in places}
    plain, named = Report.of(results(costs)), Report.of(results(costs, names=names))
    assert named.regions(*names).equals(plain.regions("x", "y"))
    assert named.choices().equals(plain.choices())
    for of in ("cheapest", "b"):
        words = dict(zip(("x", "y", ""), (*names, ""), strict=True))
        expected = {(words[a], words[b]): share for (a, b), share in shares(plain, of).items()}
        assert shares(named, of) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("names", "says"), [(("x", "cost_usd"), "column of results"), (("x", "x"), "there twice")]
)
def test_a_manifest_names_its_axes_apart(names, says):
    axes = [AxisColumn(name=name, title=name, type="number") for name in names]
    about = results({(1.0, 1.0): {"a": 1.0}}).manifest.model_dump()
    with pytest.raises(ValueError, match=says):
        Manifest(**{**about, "axes": axes})


def test_the_database_opens_no_file(tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    report = Report.of(results({(1.0, 1.0): {"a": 1.0}}))
    with pytest.raises(Exception, match=r"disabled"):
        report._db.execute(f"SELECT * FROM '{secret}'").fetchall()


def test_one_file_carries_its_manifest_and_comes_back_as_it_went():
    found = results({(1.0, 1.0): {"a": 1.0}, (2.0, 1.0): "refused"})
    back = read_file(as_one_file(found), "brought.parquet", most_rows=10)
    assert back.manifest == found.manifest
    assert back.table.equals(found.table)


def parquet(table, about=None):
    written = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata(about), written)
    return written.getvalue().to_pybytes()


def test_a_file_that_is_not_ours_is_refused_in_words():
    found = results({(1.0, 1.0): {"a": 1.0}})
    for raw, says in [
        (b"PAR1 nothing", "no Parquet file"),
        (parquet(found.table), "carries no manifest"),
        (parquet(found.table, {b"tco_sweep": b"{}"}), "no manifest of sweep results"),
        (
            parquet(found.table.drop_columns(["cost_usd"]),
                    {b"tco_sweep": found.manifest.model_dump_json().encode()}),
            "other columns",
        ),
    ]:  # fmt: skip
        with pytest.raises(TcoError, match=says):
            read_file(raw, "x.parquet", most_rows=10)
    with pytest.raises(TcoError, match="1 rows, and 0 are read here"):
        read_file(as_one_file(found), "x.parquet", most_rows=0)


def test_a_small_file_that_would_fill_the_memory_is_refused_before_it_does():
    """A word of a megabyte in ten thousand rows is ten gigabytes, and some kilobytes on disk."""
    found = results({(1.0, 1.0): {"a": 1.0}})
    rows = 10_000
    plain = pa.concat_tables([found.table.slice(0, 1)] * rows)
    place = plain.schema.get_field_index("reasons")
    long_word = pa.DictionaryArray.from_arrays(
        pa.array(np.zeros(rows, dtype=np.int32)), pa.array(["x" * 1_000_000])
    )
    table = plain.set_column(place, "reasons", long_word).replace_schema_metadata()
    written = pa.BufferOutputStream()
    # The schema of Arrow is left out: with it the column would be known as one of a dictionary.
    settings = {"compression": "zstd", "store_schema": False}
    with pq.ParquetWriter(written, table.schema, **settings) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({"tco_sweep": found.manifest.model_dump_json()})
    raw = written.getvalue().to_pybytes()
    assert len(raw) < 100_000
    memory = pa.default_memory_pool()
    before = memory.max_memory()
    with pytest.raises(TcoError, match="comes to more than the 500,000,000 bytes"):
        read_file(raw, "x.parquet", most_unpacked_bytes=500_000_000)
    assert memory.max_memory() < max(before + 1, 200_000_000)


def test_a_file_that_says_itself_that_it_is_too_large_is_not_unpacked():
    found = results({(float(n), 1.0): {"a": 1.0} for n in range(50)})
    with pytest.raises(TcoError, match="comes to more than the 1,000 bytes"):
        read_file(as_one_file(found), "x.parquet", most_unpacked_bytes=1_000)


def marks(chart):
    return [row["label"] for rows in chart.to_dict()["datasets"].values() for row in rows]


def test_the_chart_of_regions_reads_out_every_place_and_folds_what_cannot_be_told_apart():
    names = [f"s{n}" for n in range(9)]
    costs = {(float(n), 1.0): {names[n]: 1.0 + n} for n in range(9)}
    costs[9.0, 1.0] = {"s0": math.nan}
    report = Report.of(results(costs))
    chart = regions(report.regions("x", "y"), across="x", up="y", nobody=NOBODY, title="t")
    assert len(marks(chart)) == 10
    assert any(label == f"x 9, y 1: {NOBODY} in 100% of 1 cells" for label in marks(chart))
    colors = chart.to_dict()["layer"][0]["encoding"]["color"]["scale"]
    assert len(colors["domain"]) == len(colors["range"]) == 7
    table = report.effects().assign(driver="x", alone=True)
    assert len(marks(drivers(table, title="t"))) == len(table)


def test_a_hundred_thousand_cells_are_drawn_in_bins():
    rng = np.random.default_rng(1)
    drawn = rng.uniform(size=(3000, 2))
    costs = {(float(x), float(y)): {"a": 1 + x, "b": 1 + y} for x, y in drawn}
    found = Report.of(results(costs, is_full_grid=False)).regions("x", "y")
    assert len(found) <= 144
    assert int(found["cells"].sum()) == 3000
    below = found[found["x"] + 0.2 < found["y"]]
    assert set(below["winner"]) == {"a"}


@pytest.mark.parametrize(("own", "label"), [(None, "none"), (0.0, "0")])
def test_a_scenario_that_stands_nowhere_or_at_nought_is_counted_beside_the_bins(own, label):
    """As one at a time begins with: all other levels of x are above nought, on a log scale."""
    costs: dict[Any, Any] = {(own, float(y)): {"a": 100.0 + y} for y in (1, 2)}
    costs |= {(float(x), 1.0): {"a": 101.0 + x} for x in range(1, 100)}
    report = Report.of(results(costs, is_full_grid=False, scale="logarithmic"))
    found = report.regions("x", "y")
    assert int(found["cells"].sum()) == 101
    if own is None:
        beside = found[found["x_label"] == label]
        assert beside["cells"].tolist() == [1, 1]
        assert found["x"].dropna().between(1.0, 99.0).all()
        assert found["x"].isna().sum() == 2
    else:
        effects = shares(report)
        assert effects[("x", "")] > 0.9
        assert found["x"].between(0.0, 99.0).all()


def test_the_manifest_is_plain_json():
    found = results({(1.0, 1.0): {"a": 1.0}})
    assert json.loads(found.manifest.model_dump_json())["format"] == "sweep-results/1"
