"""``tco export`` as a person meets it."""

import json

import pypdf


def test_the_command_writes_the_files_it_names(tco, tmp_path):
    done = tco("export", "case/base", "--to", "csv,md", "--out", tmp_path, "--json")
    assert done.status == 0, done.err
    named = json.loads(done.out)["files"]
    assert len(named) == 2
    assert {str(path) for path in tmp_path.iterdir()} == set(named)


def test_a_report_tells_the_ranking_in_each_scenario_of_the_folder(tco, tmp_path):
    done = tco("export", "case/base", "--to", "report", "--no-recovery", "--out", tmp_path)
    assert done.status == 0, done.err
    [report] = tmp_path.iterdir()
    text = " ".join(page.extract_text() for page in pypdf.PdfReader(report).pages)
    told = json.loads(tco("rank", "case", "--json").out)["use_cases"]["case"]
    assert {name for row in told.values() for name in row} == {"base", "high"}
    for row in told.values():
        for cell in row.values():
            assert f"{cell['place']}. {cell['cost_usd']:,.0f}" in text


def test_an_unknown_format_is_answered_with_its_neighbour(tco, tmp_path):
    done = tco("export", "case/base", "--to", "xslx", "--out", tmp_path)
    assert done.status == 2
    assert "Near it: xlsx" in done.err


def test_a_file_in_the_way_of_the_folder_is_said(tco, tmp_path):
    blocked = tmp_path / "taken"
    blocked.write_text("")
    done = tco("export", "case/base", "--out", blocked / "inside")
    assert done.status == 2
    assert "choose another folder" in done.err
