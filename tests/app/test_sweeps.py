"""The page of sweeps shows what lies in one place, or what is brought, and nothing else."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tco.data import user_overlay
from tco.errors import TcoError
from tco.store.results import ResultsShelf
from tco.sweep import read_folder
from tco.sweep.table import as_one_file
from tests.app.conftest import Opened
from tests.sweep.plans import data_folder, question, run_here, sweep_file, values


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    folder = data_folder(tmp_path_factory.mktemp("data"))
    axes = {
        "growth": values("workload.growth_per_year", [0.0, 0.5, -7.0]),
        "rise": values("price_paths.rise.shocks[0].change", [0.0, 0.4]),
    }
    out: Path = tmp_path_factory.mktemp("results") / "small"
    run_here(question(sweep_file(folder, axes=axes), folder), out)
    return out


@pytest.fixture
def shelf(results: Path) -> Path:
    """Lay the results where the page looks for them."""
    place = user_overlay() / "sweeps" / "local"
    place.mkdir(parents=True)
    (place / "small").mkdir()
    for file in results.rglob("*"):
        target = place / "small" / file.relative_to(results)
        if file.is_dir():
            target.mkdir(exist_ok=True)
        else:
            target.write_bytes(file.read_bytes())
    return place


def test_results_of_the_folder_are_shown_with_who_wins_and_what_was_refused(opened: Opened, shelf):
    page = opened("sweeps")
    assert not page.exception
    assert not page.error
    assert page.selectbox(key="sweep-name").value == "small"
    told = " ".join(one.value for one in page.markdown)
    assert "6 of 6 cells" in told
    assert "2 refused" in told
    assert page.selectbox(key="sweep-x").value == "growth"
    assert any("chatty" in str(table.value) for table in page.table)
    assert any("growth" in str(table.value) for table in page.table), "why cells were refused"


def test_another_axis_can_be_looked_along(opened: Opened, shelf):
    page = opened("sweeps")
    page.selectbox(key="sweep-x").set_value("rise").run()
    assert not page.exception
    assert page.selectbox(key="sweep-y").value == "growth"


@dataclass
class Uploaded:
    name: str
    raw: bytes

    def getvalue(self) -> bytes:
        return self.raw


@pytest.mark.parametrize("is_good", [True, False])
def test_a_file_that_is_brought_is_read_or_refused_in_words(
    opened: Opened, results, monkeypatch, is_good
):
    raw = as_one_file(read_folder(results)) if is_good else b"something else"
    file = Uploaded("mine.parquet", raw)
    monkeypatch.setattr("tco.app.sweeps.st.file_uploader", lambda *_, **__: file)
    page = opened("sweeps")
    assert not page.exception
    if is_good:
        assert any("A small sweep" in one.value for one in page.subheader)
    else:
        assert "mine.parquet is no Parquet file" in page.error[0].value.replace("\\", "")


def test_the_shelf_opens_what_it_lists_and_no_link_leads_out_of_it(shelf, results, tmp_path):
    found = ResultsShelf(shelf)
    assert found.names() == ["small"]
    (shelf / "linked").symlink_to(results)
    assert found.names() == ["small"], "a link leads elsewhere"
    for name in ("linked", "../local/small", str(results), ".."):
        with pytest.raises(TcoError, match="no results"):
            found.read(name)
    assert found.read("small").table.equals(read_folder(results).table)
