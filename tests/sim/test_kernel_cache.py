"""Compiled code on disk is dropped when any part of it has changed."""

import os
from pathlib import Path

import pytest

from tco.sim import compiled, kernel_cache


def test_every_file_of_compiled_code_is_a_part():
    folder = Path(str(compiled.__file__)).parent
    named = "from tco.sim.compiled import compiled"
    files = {file for file in folder.glob("*.py") if named in file.read_text(encoding="utf-8")}
    known = {Path(str(part.__file__)) for part in kernel_cache.PARTS}
    assert files | {Path(str(compiled.__file__))} <= known


@pytest.mark.parametrize("newer", [True, False])
def test_an_index_older_than_its_parts_goes(tmp_path, monkeypatch, newer):
    index = tmp_path / "llm_kernel.advance-299.py311.nbi"
    index.touch()
    changed_s = max(Path(str(part.__file__)).stat().st_mtime for part in kernel_cache.PARTS)
    os.utime(index, (changed_s, changed_s + 1 if newer else changed_s - 1))
    monkeypatch.setattr(kernel_cache, "_folder", lambda: tmp_path)
    kernel_cache.drop_outdated()
    assert index.exists() is newer
