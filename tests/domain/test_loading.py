"""A scenario with what it extends and names; each problem told where it was written."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tco.check import check_file, check_files
from tco.domain.loading import Library
from tco.domain.record import Estimate
from tco.errors import InputError, NotFoundError, TcoError

GOOD = Path(__file__).parent / "library"
Change = Callable[[str, str, str], None]


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the small library; being the current folder, it keeps paths in messages short."""
    root = tmp_path / "library"
    shutil.copytree(GOOD, root)
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def change(shelf: Path) -> Change:
    """Replace a text that occurs once in a file."""

    def replace(name: str, old: str, new: str) -> None:
        text = (shelf / name).read_text()
        assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {name}"
        (shelf / name).write_text(text.replace(old, new))

    return replace


def told(shelf: Path, name: str = "case/base.yaml") -> list[str]:
    return [str(finding) for finding in check_file(shelf / name, Library(shelf))]


def at(name: str, text: str) -> str:
    """Give the place of a text that occurs once in a file of the current folder."""
    lines = Path(name).read_text().splitlines()
    [line] = [number for number, line in enumerate(lines, start=1) if text in line]
    return f"{name}:{line}"


BASE = "case/base.yaml"

# What is loaded


def test_a_scenario_holds_what_it_extends_its_organisation_and_snapshots(shelf: Path):
    base, high = (Library(shelf).load_scenario(shelf / f"case/{n}.yaml") for n in ("base", "high"))
    assert high.name == "high"
    assert high.candidates["api"] == base.candidates["api"]
    assert high.workload.requests_per_month == Estimate(likely=800_000), "the range is replaced"
    assert high.workload.profile == base.workload.profile
    assert base.organisation.discount_rate_per_year.likely == 0.08
    assert high.organisation.discount_rate_per_year.likely == 0.1
    assert high.organisation.name == "Example Ltd"
    assert set(base.snapshots) == {"small", "chatty"}
    assert base.digest != high.digest


def test_the_digest_follows_the_content_and_not_its_layout(shelf: Path, change: Change):
    before = Library(shelf).load_scenario(shelf / "case/base.yaml").digest
    change("case/base.yaml", "# A small scenario", "\n\n# The same")
    assert Library(shelf).load_scenario(shelf / "case/base.yaml").digest == before
    change("organisation.yaml", "0.08", "0.09")
    assert Library(shelf).load_scenario(shelf / "case/base.yaml").digest != before


def test_null_takes_away_what_the_base_has(shelf: Path, change: Change):
    change("case/high.yaml", "name: high", "name: high\ngoals: {budget_usd: null}\nincumbent: null")
    high = Library(shelf).load_scenario(shelf / "case/high.yaml")
    assert high.goals.budget_usd is None
    assert high.goals.quality is not None
    assert high.incumbent is None


def test_a_scenario_may_bring_its_own_snapshots_and_organisation(shelf: Path, change: Change):
    inline = (shelf / "snapshots/small.yaml").read_text().replace("\n", "\n    ")
    text = (shelf / "case/base.yaml").read_text() + f"snapshots:\n  small:\n    {inline}"
    (shelf / "case/base.yaml").write_text(text.rstrip() + "\n")
    (shelf / "snapshots/small.yaml").unlink()
    assert told(shelf) == []
    change("case/base.yaml", "    id: small", "    id: smaller")
    assert told(shelf) == [
        f"{at(BASE, 'id: smaller')}: snapshots.small.id: 'smaller' in the snapshot 'small'; "
        "make the two agree"
    ]


# What a scenario extends


def test_a_missing_base_is_named_with_what_is_near(shelf: Path, change: Change):
    change("case/high.yaml", "base.yaml", "bas.yaml")
    assert told(shelf, "case/high.yaml") == [
        "case/high.yaml:2: extends: no file 'bas.yaml'; nearest: base.yaml, high.yaml; name an "
        "existing file"
    ]


@pytest.mark.parametrize("target", ["../../etc/passwd", "/etc/passwd", "../..", "~/../../../x"])
def test_a_path_may_not_leave_its_folder_tree(shelf: Path, change: Change, target: str):
    change("case/high.yaml", "base.yaml", target)
    [line] = told(shelf, "case/high.yaml")
    assert line in {
        f"case/high.yaml:2: extends: '{target}' leaves .; extend a file inside it",
        f"case/high.yaml:2: extends: no file '{target}'; name an existing file",
    }


def test_a_link_may_not_leave_its_folder_tree(shelf: Path, change: Change, tmp_path: Path):
    outside = tmp_path / "outside.yaml"
    outside.write_text((shelf / "case/base.yaml").read_text())
    (shelf / "case/link.yaml").symlink_to(outside)
    change("case/high.yaml", "base.yaml", "link.yaml")
    assert told(shelf, "case/high.yaml") == [
        "case/high.yaml:2: extends: 'link.yaml' leaves .; extend a file inside it"
    ]


def test_a_file_outside_the_library_extends_within_its_own_folder_only(shelf: Path, tmp_path: Path):
    own = tmp_path / "own"
    shutil.copytree(shelf / "case", own)
    assert told(shelf, "../own/high.yaml") == []
    text = (own / "high.yaml").read_text()
    (own / "high.yaml").write_text(text.replace("base.yaml", "../library/case/base.yaml"))
    [line] = told(shelf, "../own/high.yaml")
    assert "extends: '../library/case/base.yaml' leaves" in line


def test_a_circle_is_drawn(shelf: Path, change: Change):
    change("case/base.yaml", "format: scenario/1", "extends: high.yaml")
    assert told(shelf, "case/high.yaml") == [
        "case/base.yaml:2: extends: goes in a circle: high.yaml -> base.yaml -> high.yaml; break it"
    ]
    change("case/high.yaml", "base.yaml", "high.yaml")
    assert told(shelf, "case/high.yaml") == [
        "case/high.yaml:2: extends: goes in a circle: high.yaml -> high.yaml; break it"
    ]


def test_a_chain_has_an_end(shelf: Path):
    for number in range(12):
        base = f"{number - 1}.yaml" if number else "base.yaml"
        (shelf / f"case/{number}.yaml").write_text(f"extends: {base}\nname: n{number}\n")
    assert told(shelf, "case/7.yaml") == []
    [line] = told(shelf, "case/11.yaml")
    assert line.startswith("case/3.yaml:1: extends: more than 8 files extend one another: 11.yaml")


@pytest.mark.parametrize("value", ["[base.yaml]", "3", "null", "{a: b}"])
def test_what_is_extended_must_be_a_file_name(shelf: Path, change: Change, value: str):
    change("case/high.yaml", "base.yaml", value)
    assert told(shelf, "case/high.yaml") == [
        "case/high.yaml:2: extends: not a file name; write a path in quotes"
    ]


def test_a_long_name_is_no_file(shelf: Path, change: Change):
    change("case/high.yaml", "base.yaml", "x" * 300)
    [line] = told(shelf, "case/high.yaml")
    assert line.endswith("x'; name an existing file")


# Problems stand where they were written


def test_a_problem_of_the_base_is_placed_in_the_base(shelf: Path, change: Change):
    change("case/base.yaml", "horizon_months: 6", "horizon_months: 600")
    change("case/high.yaml", "replicas: 4", "replicas: 0.5")
    assert told(shelf, "case/high.yaml") == [
        "case/base.yaml:8: horizon_months: must be less than or equal to 120 (found 600); "
        "correct the value",
        "case/high.yaml:9: candidates.own.deployment.replicas: not a whole number (found 0.5); "
        "write a whole number, without quotes or unit",
    ]


def test_problems_of_organisation_and_snapshots_are_placed_in_their_files(
    shelf: Path, change: Change
):
    change("organisation.yaml", "fiscal_year_start_month: 4", "fiscal_year_start_month: 13")
    change("snapshots/chatty.yaml", "licence:", "license:")
    change("snapshots/small.yaml", "value: 0.9,", "value: 0.99,")
    assert told(shelf) == [
        "organisation.yaml:3: organisation.fiscal_year_start_month: must be less than or equal to "
        "12 (found 13); correct the value",
        "snapshots/chatty.yaml:1: snapshots.chatty.licence: missing; nearest: license; "
        "add 'licence:'",
        "snapshots/chatty.yaml:7: snapshots.chatty.license: unknown key; nearest: licence; "
        "correct or remove it",
        f"{at('snapshots/small.yaml', 'value: 0.99')}: snapshots.small.metrics[0]: "
        "low, value and high are not in order; correct the value",
    ]


def test_unreadable_parts_are_all_named_at_once(shelf: Path, change: Change):
    (shelf / "organisation.yaml").write_text("name: [")
    (shelf / "snapshots/small.yaml").write_bytes(b"\xff")
    change("case/base.yaml", "start: 2027-01-01", "start: 2027-01-02")
    lines = told(shelf)
    assert [line.split(":")[0] for line in lines] == [
        "case/base.yaml",
        "organisation.yaml",
        "snapshots/small.yaml",
    ]
    assert lines[0] == (
        'case/base.yaml:7: start: not the first of a month (found "2027-01-02"); correct the value'
    )


def test_what_several_files_share_is_said_once(shelf: Path, change: Change):
    change("organisation.yaml", "name: Example Ltd", "nam: Example Ltd")
    paths = [shelf / f"case/{name}.yaml" for name in ("base", "high")]
    found = check_files(paths, Library(shelf))
    assert [(f.file, f.key, f.problem) for f in found] == [
        ("organisation.yaml", "organisation.name", "missing"),
        ("organisation.yaml", "organisation.nam", "unknown key"),
    ]


def test_what_is_no_mapping_is_told_and_not_searched(shelf: Path, change: Change):
    change("case/base.yaml", "incumbent:", "snapshots: [small]\nincumbent:")
    assert told(shelf) == [
        f"{at(BASE, 'snapshots: [')}: snapshots: not a mapping of keys to values; "
        "write its keys below it, indented"
    ]


def test_a_library_without_an_organisation_says_what_is_missing(shelf: Path):
    (shelf / "organisation.yaml").unlink()
    assert told(shelf) == [
        "case/base.yaml:2: organisation: missing; add 'organisation:'",
    ]


def test_a_link_that_leads_to_itself_is_no_base(shelf: Path, change: Change):
    (shelf / "case/loop.yaml").symlink_to("loop.yaml")
    change("case/high.yaml", "base.yaml", "loop.yaml")
    [line] = told(shelf, "case/high.yaml")
    assert line.startswith("case/high.yaml:2: extends: no file 'loop.yaml'")
    [line] = told(shelf, "case/loop.yaml")
    assert "cannot be read: Too many levels of symbolic links" in line


def test_paths_are_whole_where_the_current_folder_is_gone(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    [line] = told(shelf, "case/none.yaml")
    assert line.startswith(f"{shelf}/case/none.yaml: cannot be read")


def test_the_first_hundred_problems_are_enough(shelf: Path):
    text = (shelf / BASE).read_text() + "".join(f"k{number}: 1\n" for number in range(1000))
    (shelf / BASE).write_text(text)
    lines = told(shelf)
    assert len(lines) == 101
    assert sum("more problems follow; correct those above first" in line for line in lines) == 1


# References


def test_every_candidate_without_its_snapshot_is_named(shelf: Path, change: Change):
    change("case/base.yaml", "snapshot: small", "snapshot: smal")
    change("case/base.yaml", "snapshot: chatty", "snapshot: chatter")
    advice = "add scenarios/snapshots/<id>.yaml or name a known one"
    assert told(shelf) == [
        f"{at(BASE, 'snapshot: smal')}: candidates.own.snapshot: no snapshot 'smal'; "
        f"nearest: small; {advice}",
        f"{at(BASE, 'snapshot: chatter')}: candidates.api.snapshot: no snapshot 'chatter'; "
        "nearest: chatty; "
        f"{advice}",
    ]


def test_steps_and_stages_name_plain_options(shelf: Path, change: Change):
    change("case/base.yaml", "{option: own, escalate", "{option: ownn, escalate")
    change("case/base.yaml", "{option: own, from_month", "{option: both, from_month")
    assert told(shelf) == [
        f"{at(BASE, 'option: ownn')}: candidates.both.deployment.steps[0].option: 'ownn' is no "
        "option; "
        "nearest: own; name a plain option",
        f"{at(BASE, 'option: both')}: candidates.later.deployment.stages[1].option: 'both' has "
        "steps of its "
        "own; name a plain option",
    ]


def test_months_after_the_horizon_are_found_wherever_they_stand(shelf: Path, change: Change):
    change("case/base.yaml", "horizon_months: 6", "horizon_months: 1")
    assert told(shelf) == [
        f"{at(BASE, text)}: {key}: month {month} lies after the horizon of 1; "
        "choose a month inside it"
        for text, key, month in [
            ("build:", "candidates.own.lifecycle.people.build.months.last", 2),
            ("server:", "candidates.own.lifecycle.one_off.server.month", 2),
            ("from_month: 4", "candidates.later.deployment.stages[1].from_month", 4),
            ("monitoring:", "lifecycle.monthly.monitoring.months.first", 2),
            ("rise:", "price_paths.rise.shocks[0].month", 3),
        ]
    ]


def test_a_snapshot_is_named_as_its_file(shelf: Path, change: Change):
    change("snapshots/small.yaml", "id: small", "id: tiny")
    assert told(shelf, "snapshots/small.yaml") == [
        "snapshots/small.yaml:2: id: 'tiny' in a file named small.yaml; make the two agree"
    ]
    assert told(shelf) == [
        "snapshots/small.yaml:2: snapshots.small.id: 'tiny' in the snapshot 'small'; "
        "make the two agree"
    ]


def test_a_price_path_names_a_seller_that_some_option_buys_from(shelf: Path, change: Change):
    change("case/base.yaml", '["groq/*"]', '["grog/*", "people.*"]')
    (finding,) = told(shelf)
    assert "price_paths.rise.applies_to[0]: no option buys from 'grog'; nearest: groq" in finding


# Looking things up


def test_scenarios_are_found_by_use_case_and_name_or_by_path(shelf: Path):
    library = Library(shelf)
    assert library.use_cases() == ["case"]
    assert library.find("case/high") == shelf / "case/high.yaml"
    assert library.find_all("case") == [shelf / "case/base.yaml", shelf / "case/high.yaml"]
    assert library.find("somewhere/else.yaml") == Path("somewhere/else.yaml")
    with pytest.raises(NotFoundError, match=r"^no scenario 'case/hihg'. Near it: case/high"):
        library.find("case/hihg")
    with pytest.raises(TcoError, match=r"^'case' is a use case; name one .*: case/base, case/high"):
        library.find("case")


def test_a_missing_file_is_refused_with_its_name(shelf: Path):
    with pytest.raises(InputError, match=r"^case/none.yaml: cannot be read: No such file"):
        Library(shelf).load_scenario(shelf / "case/none.yaml")
