"""Where data is looked for, where a user's own rows lie, and writing a file whole or not at all."""

import os
import stat
from pathlib import Path

import pytest

from tco import data
from tco.data import PARTS, data_folder, user_overlay, write_whole
from tco.errors import TcoError
from tests.conftest import ROOT


def folder(root: Path, *, without: str = "") -> Path:
    for part in PARTS:
        if part != without:
            (root / part).mkdir(parents=True)
    return root


def test_the_first_place_that_is_named_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    packaged, here, named, explicit = (folder(tmp_path / n) for n in ("p", "h", "n", "e"))
    monkeypatch.setattr(data, "PACKAGED", tmp_path / "nothing")
    monkeypatch.chdir(tmp_path)
    found = data_folder()
    assert (found.root, found.found_by) == (
        ROOT,
        "the project that this program was installed from",
    )
    monkeypatch.setattr(data, "PACKAGED", packaged)
    found = data_folder()
    assert (found.root, found.found_by) == (packaged, "the installed package")
    monkeypatch.chdir(here)
    found = data_folder()
    assert (found.root, found.found_by) == (here, "the project in the current folder")
    monkeypatch.setenv("TCO_DATA", str(named))
    found = data_folder()
    assert (found.root, found.found_by) == (named, "the variable TCO_DATA")
    found = data_folder(explicit)
    assert (found.root, found.found_by) == (explicit, "--data")
    assert (found.pricing, found.scenarios, found.benchmarks) == tuple(
        explicit / part for part in ("pricing", "scenarios", "benchmarks")
    )


@pytest.mark.parametrize("part", PARTS)
def test_a_folder_that_lacks_a_part_is_refused(tmp_path: Path, part: str):
    root = folder(tmp_path / "data", without=part)
    with pytest.raises(TcoError, match=rf"^{root} \(from --data\) has no folder {part}\. Point"):
        data_folder(root)


def test_own_rows_lie_in_the_home_folder_unless_another_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME")
    assert user_overlay() == tmp_path / ".local" / "share" / "tco-planner"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    assert user_overlay() == tmp_path / "xdg" / "tco-planner"
    monkeypatch.setenv("TCO_OVERLAY", str(tmp_path / "own"))
    assert user_overlay() == tmp_path / "own"


def test_nobody_without_a_home_folder_is_left_alone(monkeypatch: pytest.MonkeyPatch):
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(TcoError, match=r"^there is no home folder; set TCO_OVERLAY to a folder$"):
        user_overlay()


# Writing


def test_a_file_is_replaced_whole_and_keeps_its_rights(tmp_path: Path):
    path = tmp_path / "out.csv"
    path.write_text("old and longer")
    path.chmod(0o640)
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path: Path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    write_whole(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_a_device_is_written_to_and_not_replaced():
    write_whole(Path(os.devnull), b"gone")
    assert not Path(os.devnull).is_file()
    with pytest.raises(TcoError, match=r"^/dev/full cannot be written: No space left on device\."):
        write_whole(Path("/dev/full"), b"too much")
    assert not Path("/dev/full").is_file()


def test_an_interrupt_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "out.csv"
    path.write_text("old")

    def interrupted(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_whole(path, b"new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["", "..", "/", "a\0b"])
def test_what_is_no_file_name_is_refused(tmp_path: Path, name: str):
    with pytest.raises(TcoError, match=r"cannot be written: .*Nothing was changed"):
        write_whole(tmp_path / name, b"x")
    assert list(tmp_path.iterdir()) == []
