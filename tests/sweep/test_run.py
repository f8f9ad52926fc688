"""A sweep on this machine: what it writes, and what a stop, a bad cell or a full disk leaves."""

import json
import os
import resource
import subprocess
import sys
from typing import Any, cast

import pyarrow.parquet as pq
import pytest

from tco.errors import TcoError
from tco.plan import evaluate
from tco.sweep import Budget, Local, ResultFolder, read_folder, run_sweep
from tco.sweep.answer import LOST, REFUSED, Job
from tco.sweep.ground import Ground
from tco.sweep.keys import changed
from tests.shipped import data
from tests.sweep.plans import content, data_folder, messages, question, run_here, sweep_file, values

RISE = "price_paths.rise.shocks[0].change"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return data_folder(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def small(folder):
    return question(sweep_file(folder), folder)


def test_every_cell_is_the_plan_that_evaluating_it_alone_gives(small, tmp_path):
    run_here(small, tmp_path)
    rows = {(row["growth"], row["rise"]): row for row in content(tmp_path).to_pylist()}
    assert len(rows) == 6
    for cell in small.cells:
        scenario = changed(small.ground.scenarios["case/apis"], cell)
        [answer] = evaluate(scenario, *data()).ranking.options
        assert answer.money is not None
        row = rows[cell.levels["growth"], cell.levels["rise"]]
        assert (row["cost_usd"], row["tco_usd"]) == (answer.money.basis_usd, answer.money.tco_usd)
        assert (row["option"], row["rank"], row["place"]) == ("api", 1, "ranked")
        assert (row["scenario"], row["seed"], row["status"]) == (
            "case/apis", scenario.seed, "answered",
        )  # fmt: skip


def test_a_bad_cell_is_a_row_with_its_message_and_the_others_go_on(folder, tmp_path):
    axes = {"growth": values("workload.growth_per_year", [0.1, -5.0, 0.2])}
    asked = question(sweep_file(folder, name="one-bad", axes=axes), folder)
    run_here(asked, tmp_path)
    [(message, count)] = messages(tmp_path).items()
    assert count == 1
    assert "growth_per_year" in message
    assert "-5" in message
    manifest = read_folder(tmp_path).manifest
    assert (manifest.cells, manifest.done, manifest.refused) == (3, 3, 1)


@pytest.mark.parametrize("trouble", [ZeroDivisionError("by nought"), MemoryError("full")])
def test_a_cell_that_a_fault_ended_is_told_and_tried_again(small, tmp_path, monkeypatch, trouble):
    def broken(scenario, *rest, **settings):
        if scenario.workload.growth_per_year.likely == 1.0:
            raise trouble
        return evaluate(scenario, *rest, **settings)

    told: list[Any] = []
    with monkeypatch.context() as while_broken:
        while_broken.setattr("tco.sweep.answer.evaluate", broken)
        run_here(small, tmp_path, tell=lambda p: told.append((p.done, p.lost, p.lost_to)))
    name = type(trouble).__name__
    assert told[-1] == (4, 2, f"a fault of the planner itself ({name}: {trouble})")
    assert not messages(tmp_path)
    manifest = read_folder(tmp_path).manifest
    assert (manifest.done, manifest.refused) == (4, 0)
    run_here(small, tmp_path, resume=True)
    assert read_folder(tmp_path).manifest.is_complete


class Deadly:
    """Ends the process that receives it, as the system does where memory runs out."""

    def __reduce__(self):
        return os._exit, (9,)


def test_a_cell_whose_workers_were_killed_is_lost_and_not_refused(small):
    jobs = [Job(small.keys[0], small.cells[0])]
    [(job, outcome)] = Local(cast("Ground", Deadly()), 2).run(iter(jobs))
    assert job == jobs[0]
    assert list(outcome) == [LOST]
    assert "killed 2 worker processes" in outcome[LOST]


def test_a_budget_of_cells_ends_it_and_resuming_does_what_is_missing(small, tmp_path):
    run_here(small, tmp_path, budget=Budget(most_cells=2))
    first = content(tmp_path)
    assert first.num_rows == 2
    run_here(small, tmp_path, resume=True, budget=Budget(most_cells=3))
    run_here(small, tmp_path, resume=True)
    whole = content(tmp_path)
    assert read_folder(tmp_path).manifest.is_complete
    assert set(first["cell"].to_pylist()) < set(whole["cell"].to_pylist())
    run_here(small, tmp_path / "at-once")
    assert whole.equals(content(tmp_path / "at-once"))


def test_a_budget_of_time_begins_no_cell_when_it_is_over(small, tmp_path):
    run_here(small, tmp_path, budget=Budget(most_s=0.0))
    assert read_folder(tmp_path).manifest.done == 0


def test_a_design_that_draws_the_same_levels_often_comes_to_its_end(folder, tmp_path):
    axes = {
        "growth": values("workload.growth_per_year", [0.0, 0.5, 1.0]),
        "rise": values("price_paths.rise.shocks[0].change", [0.0, 0.2, 0.4]),
    }
    design = {"kind": "latin_hypercube", "cells": 30, "seed": 1}
    asked = question(sweep_file(folder, name="drawn", axes=axes, design=design), folder)
    run_here(asked, tmp_path, budget=Budget(most_cells=4))
    run_here(asked, tmp_path, resume=True)
    manifest = read_folder(tmp_path).manifest
    assert manifest.is_complete
    assert content(tmp_path).num_rows == manifest.cells == 9


def test_one_at_a_time_leaves_no_step_out_that_moves_any_of_its_keys(folder):
    """Growth stands at 0.1 and the rise at 0.2, so either level moves one of them."""
    keys = ["workload.growth_per_year", "price_paths.rise.shocks[0].change"]
    both = {"kind": "values", "keys": keys, "values": [0.1, 0.2]}
    design = {"kind": "one_at_a_time"}
    asked = question(sweep_file(folder, name="both", axes={"both": both}, design=design), folder)
    assert [cell.levels["both"] for cell in asked.cells] == [None, 0.1, 0.2]
    one = {"one": values(keys[0], [0.1, 0.2])}
    asked = question(sweep_file(folder, name="one", axes=one, design=design), folder)
    assert [cell.levels["one"] for cell in asked.cells] == [0.1, 0.2]


def test_what_is_there_when_it_is_stopped_is_kept(small, tmp_path):
    def stop(progress):
        if progress.done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_here(small, tmp_path, tell=stop)
    assert read_folder(tmp_path).manifest.done == 3
    assert content(tmp_path).num_rows == 3


def test_each_simulation_is_worked_out_once_for_all_cells_that_share_it(folder, tmp_path):
    axes = {
        "volume": {"kind": "factors", "keys": ["workload.requests_per_month"], "factors": [1, 2]},
        "rise": values("price_paths.rise.shocks[0].change", [0.0, 0.1, 0.2, 0.3]),
    }
    asked = question(sweep_file(folder, name="own", scenario="case/base", axes=axes), folder)
    alone = run_here(asked, tmp_path / "one")
    assert alone.work.simulations > 0
    assert alone.work.simulations % 2 == 0, "as many for either volume"
    again = run_here(asked, tmp_path / "again")
    assert again.work.simulations == 0, "they are kept on disk"
    assert content(tmp_path / "one").equals(content(tmp_path / "again"))


def test_two_processes_share_simulations_that_are_on_no_disk(folder, tmp_path, monkeypatch):
    """With nowhere to keep them, results go from one worker to the other by way of the sweep."""
    axes = {"rise": values("price_paths.rise.shocks[0].change", [0.1 * n for n in range(8)])}
    asked = question(sweep_file(folder, name="own", scenario="case/base", axes=axes), folder)
    alone = run_here(asked, tmp_path / "one")
    blocked = tmp_path / "no-folder"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    both = run_here(asked, tmp_path / "two", engine=Local(asked.ground, 2))
    assert both.work.simulations == alone.work.simulations
    assert content(tmp_path / "one").equals(content(tmp_path / "two"))


# ---- the folder ----------------------------------------------------------------------------------


def test_a_folder_that_holds_results_is_not_written_over(small, tmp_path):
    run_here(small, tmp_path)
    with pytest.raises(TcoError, match=r"6 of 6 cells done.* by --resume"):
        run_here(small, tmp_path)


def test_another_sweep_cannot_go_on_in_a_folder(folder, small, tmp_path):
    run_here(small, tmp_path)
    axes = {"growth": values("workload.growth_per_year", [0.0, 0.7])}
    more = sweep_file(folder, name="more", axes=axes)
    with pytest.raises(TcoError, match="this sweep with other cells"):
        run_here(question(more, folder), tmp_path, resume=True)
    other = question(sweep_file(folder, name="in-cash", basis="cash"), folder)
    with pytest.raises(TcoError, match="this sweep with other basis"):
        run_here(other, tmp_path, resume=True)


def test_two_sweeps_do_not_write_into_one_folder_at_once(small, tmp_path):
    first = ResultFolder.opened(tmp_path, small, resume=False)
    with pytest.raises(TcoError, match="another 'tco sweep run' is writing"):
        ResultFolder.opened(tmp_path, small, resume=True)
    first.close()
    ResultFolder.opened(tmp_path, small, resume=True).close()


def test_a_part_that_the_manifest_does_not_know_yet_counts(small, tmp_path):
    run_here(small, tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps({**manifest, "parts": [], "done": 0}))
    (tmp_path / "rows" / ".17.part-000009.parquet.part").write_bytes(b"half")
    folder = run_here(small, tmp_path, resume=True)
    assert folder.manifest.done == 6
    assert content(tmp_path).num_rows == 6
    assert not list(tmp_path.rglob(".*.part"))


def test_a_broken_part_is_named_and_its_cells_are_done_again_without_it(small, tmp_path):
    run_here(small, tmp_path)
    before = content(tmp_path)
    [part] = tmp_path.rglob("part-*.parquet")
    part.write_bytes(part.read_bytes()[:-20])
    with pytest.raises(TcoError, match=r"part-000001[.]parquet cannot be read"):
        read_folder(tmp_path)
    part.unlink()
    run_here(small, tmp_path, resume=True)
    assert content(tmp_path).equals(before)


def test_a_cell_is_never_there_twice(small, tmp_path):
    run_here(small, tmp_path)
    [part] = tmp_path.rglob("part-*.parquet")
    part.with_name("part-000002.parquet").write_bytes(part.read_bytes())
    with pytest.raises(TcoError, match="6 cells that lie in another part too"):
        run_here(small, tmp_path, resume=True)


def test_a_cell_that_is_given_twice_is_written_once(small, tmp_path):
    folder = ResultFolder.opened(tmp_path, small, resume=False)
    done = small.done(small.cells[0], {REFUSED: "no"})
    for _ in range(2):  # together, and once more when it lies in a part
        folder.add(done)
        folder.add(done)
        folder.write()
    folder.close()
    assert (folder.manifest.done, folder.manifest.refused, folder.manifest.rows) == (1, 1, 1)
    assert len(folder.manifest.parts) == 1


def test_a_part_of_another_sweep_is_refused(folder, small, tmp_path):
    axes = {"growth": values("workload.growth_per_year", [0.7]), "rise": values(RISE, [0.1])}
    other = question(sweep_file(folder, name="other", axes=axes), folder)
    run_here(other, tmp_path / "other")
    run_here(small, tmp_path / "out")
    [part] = (tmp_path / "out").rglob("part-*.parquet")
    [strange] = (tmp_path / "other").rglob("part-*.parquet")
    part.with_name("part-000002.parquet").write_bytes(strange.read_bytes())
    with pytest.raises(TcoError, match=r"part-000002.parquet holds 1 cells that are not of this"):
        run_here(small, tmp_path / "out", resume=True)


def test_a_part_under_a_scenario_that_is_not_asked_is_refused(small, tmp_path):
    run_here(small, tmp_path)
    [part] = tmp_path.rglob("part-*.parquet")
    part.parent.rename(part.parent.with_name("scenario=elsewhere"))
    with pytest.raises(TcoError, match="lies under a scenario that is not of this sweep"):
        run_here(small, tmp_path, resume=True)


@pytest.mark.parametrize("path", ["../../secret.parquet", "rows/scenario=a/../../x.parquet"])
def test_a_manifest_cannot_lead_out_of_its_folder(small, tmp_path, path):
    run_here(small, tmp_path / "out")
    file = tmp_path / "out" / "manifest.json"
    manifest = json.loads(file.read_text())
    manifest["parts"][0]["path"] = path
    file.write_text(json.dumps(manifest))
    with pytest.raises(TcoError, match=r"no manifest of sweep results \(parts.0.path"):
        read_folder(tmp_path / "out")


def test_a_link_cannot_lead_out_of_its_folder(small, tmp_path):
    run_here(small, tmp_path / "out")
    [part] = (tmp_path / "out").rglob("part-*.parquet")
    (tmp_path / "elsewhere.parquet").write_bytes(part.read_bytes())
    part.unlink()
    part.symlink_to(tmp_path / "elsewhere.parquet")
    with pytest.raises(TcoError, match="leads out of"):
        read_folder(tmp_path / "out")


def test_a_full_disk_is_told_and_what_was_written_is_kept(folder, small, tmp_path):
    """The system itself refuses to write more than a file may hold, as a full disk does."""
    run_here(small, tmp_path, budget=Budget(most_cells=1))
    limit = max(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file()) - 1000
    done = subprocess.run(
        [sys.executable, "-m", "tco", "--data", folder, "sweep", "run", folder / "small.yaml",
         "--out", tmp_path, "--resume", "--workers", "1"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 2
    assert "cannot be written: File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert content(tmp_path).num_rows == 1
    run_here(small, tmp_path, resume=True)
    assert content(tmp_path).num_rows == 6


def test_parts_are_plain_parquet_that_anybody_can_read(small, tmp_path):
    run_here(small, tmp_path)
    table = pq.read_table(tmp_path / "rows")
    assert table.num_rows == 6
    assert {"scenario", "cell", "growth", "rise", "cost_usd"} <= set(table.column_names)


def test_progress_has_a_rate_and_the_time_left(small, tmp_path):
    told: list[Any] = []
    folder = ResultFolder.opened(tmp_path, small, resume=False)
    run_sweep(small, folder, Local(small.ground, 1),
              tell=lambda p: told.append((p.done, p.cells_per_s, p.left_s)))  # fmt: skip
    folder.close()
    assert [done for done, *_ in told] == [1, 2, 3, 4, 5, 6]
    _, rate, left_s = told[3]
    assert left_s == pytest.approx(2 / rate)
