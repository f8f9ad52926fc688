"""``tco workload fit`` at the terminal."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from tco.cli.main import app
from tco.domain.source import read_yaml
from tco.domain.workload import Workload
from tco.errors import InputError


@pytest.fixture
def log(tmp_path):
    random = np.random.default_rng(1)
    times = np.cumsum(random.exponential(0.5, 2000))
    sizes = random.integers(1, 900, (2000, 2))
    rows = [f"{t:.3f},{i},{o}" for t, (i, o) in zip(times, sizes, strict=True)]
    path = tmp_path / "requests.csv"
    path.write_text("arrival_s,asked,output_tokens\n" + "\n".join(rows) + "\n")
    return path


def run(*arguments, fails=False):
    done = CliRunner().invoke(app, ["workload", "fit", *map(str, arguments)])
    if not fails and done.exception is not None:
        raise done.exception
    return done


def test_the_workload_is_printed_and_held_against_the_log(log, tmp_path):
    done = run(log, "--column", "input_tokens=asked")
    block, _, table = done.stdout.partition("\n\n")
    file = tmp_path / "block.yaml"
    file.write_text(block)
    workload = Workload.model_validate(read_yaml(file).data["workload"])
    assert workload.fitted_log is not None
    assert workload.fitted_log.file == "requests.csv"
    heads, first, *_ = table.splitlines()
    assert heads.split() == ["figure", "unit", "log", "fit", "lowest", "highest", "off"]
    assert first.startswith("requests ")
    assert max(map(len, table.splitlines())) <= 100
    assert "no daily or weekly shape" in done.stderr


def test_one_json_document(log):
    document = json.loads(
        run(log, "--json", "--sizes", "rows", "--column", "input_tokens=asked").stdout
    )
    assert document["schema"] == "tco/workload-fit/1"
    assert Workload.model_validate(document["workload"]).sizes is not None
    by_name = {row["name"]: row for row in document["fit"]}
    mean = by_name["input, mean"]
    assert mean["fit_low"] <= mean["fit"] <= mean["fit_high"]
    assert mean["fit"] == pytest.approx(mean["log"], rel=0.03)
    assert document["notes"]


@pytest.mark.parametrize("also", [[], ["--json"]])
def test_a_file_is_written(log, tmp_path, also):
    file = tmp_path / "fitted.yaml"
    done = run(log, "--out", file, *also)
    assert "workload" in read_yaml(file).data
    assert "workload:" not in done.stdout
    assert f"wrote {file}" in done.stderr


def test_the_same_seed_gives_the_same_table(log):
    first, second, other = (run(log, "--seed", seed).stdout for seed in (3, 3, 4))
    assert first == second != other


@pytest.mark.parametrize("pair", ["asked", "inputs=asked", "input_tokens="])
def test_a_column_is_named_as_role_and_name(log, pair):
    done = run(log, "--column", pair, fails=True)
    assert isinstance(done.exception, InputError)
    assert "write ROLE=NAME with a role of arrival_s" in str(done.exception)
