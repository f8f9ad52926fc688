"""``tco measure import`` and ``fit`` as they are typed."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Tco

SAID = ["--snapshot", "net", "--accelerator", "T4", "--count", "1", "--runtime", "rt",
        "--precision", "fp16"]  # fmt: skip


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TCO_OVERLAY", str(tmp_path / "own"))
    return tmp_path / "own" / "measurements"


def template(tco: Tco, folder: Path) -> Path:
    path = folder / "mine.csv"
    path.write_text(tco("measure", "import", "--template").out)
    return path


def test_a_filled_in_template_is_imported_listed_checked_and_fitted(tco, tmp_path, own):
    table = template(tco, tmp_path)
    done = tco("measure", "import", table, *SAID, "--name", "mine")
    assert done.status == 0
    assert "mine: 3 points, table: mine.csv sha256 " in done.out
    assert "mine" in tco("measure", "list").out
    assert tco("check", own / "mine.json").out == "1 file checked, fine\n"
    fitted = tco("measure", "fit", own / "mine.json").out
    assert "measured from 1 to 32 at once" in fitted
    assert "batch of n of size 128: " in fitted
    assert "left out " in fitted
    assert "joules are of: board" in fitted
    assert "host work of each request" in fitted
    curve = json.loads(tco("measure", "fit", own / "mine.json", "--json").out)["curve"]
    assert curve["kind"] == "batch"


def test_the_list_by_hardware_knows_ones_own_beside_what_is_shipped(tco, tmp_path, own):
    table = template(tco, tmp_path)
    tco("measure", "import", table, *SAID, "--name", "mine")
    head, *rows = tco("measure", "list", "--by-hardware").out.splitlines()
    assert head.split()[:3] == ["snapshot", "T4", "L4"]
    assert "imported curve" in next(row for row in rows if row.startswith("net "))
    known = json.loads(tco("measure", "list", "--by-hardware", "--json").out)["known"]
    (mine,) = [one for one in known if (one["snapshot"], one["hardware"]) == ("net", "T4")]
    assert (mine["grade"], mine["is_curve"]) == ("imported", True)


def test_a_second_result_of_the_same_is_held_against_the_first(tco, tmp_path, own):
    table = template(tco, tmp_path)
    tco("measure", "import", table, *SAID, "--name", "mine")
    slower = table.read_text().replace("0.0041,0.0044", "0.0082,0.0088")
    table.write_text(slower)
    done = tco("measure", "import", table, *SAID, "--name", "theirs", "--json")
    beside = json.loads(done.out)["beside_known"]
    assert "of the time that is known (table: mine.csv" in beside
    assert "take the range, not the best" in beside


def test_a_refused_file_leaves_nothing_behind(tco, tmp_path, own):
    table = template(tco, tmp_path)
    table.write_text(table.read_text().replace("0.0102", "fast"))
    done = tco("measure", "import", table, *SAID)
    assert done.status == 2
    assert 'seconds: expected a number, found "fast"' in done.err
    assert not own.exists()


def test_what_is_imported_must_be_named(tco, tmp_path):
    done = tco("measure", "import", template(tco, tmp_path))
    assert done.status == 2
    assert "with --snapshot what was measured" in done.err


def test_an_imported_file_that_was_changed_is_told_by_check(tco, tmp_path, own):
    tco("measure", "import", template(tco, tmp_path), *SAID, "--name", "mine")
    broken = (own / "mine.json").read_text().replace('"forward"', '"froward"', 1)
    (own / "mine.json").write_text(broken)
    done = tco("check", own / "mine.json")
    assert done.status == 2
    assert "points[0].phase" in done.out


STEPS = """\
phase,batch,context_tokens,seconds,energy_j,energy_scope,energy_method
decode,1,512,0.0101,3.1,board,counter
decode,8,512,0.0108,3.8,board,counter
decode,32,512,0.0132,6.2,board,counter
"""


def test_the_step_of_a_language_model_is_fitted_with_grades(tco, tmp_path, own):
    table = tmp_path / "steps.csv"
    table.write_text(STEPS)
    said = ["--snapshot", "llama-3.1-8b-instruct", "--accelerator", "H100-SXM", "--count", "1",
            "--runtime", "mine", "--precision", "bf16", "--name", "steps"]  # fmt: skip
    assert tco("measure", "import", table, *said).status == 0
    fitted = tco("measure", "fit", own / "steps.json").out
    assert "per_kv_token 5.36e-08 s (estimated)" in fitted
    assert "base 0.01 s (imported)" in fitted
    assert fitted.count("step: ") == 2


def test_doubts_are_listed_with_their_setting(tco, tmp_path, own):
    table = tmp_path / "odd.csv"
    table.write_text("phase,batch,seconds,throughput_per_s\nforward,8,0.006,2670\n")
    done = tco("measure", "import", table, *SAID, "--name", "odd")
    assert "batch 8: throughput x latency / batch is 2.0" in done.out
    assert "too few points to leave one out" in tco("measure", "fit", own / "odd.json").out
