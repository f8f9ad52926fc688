"""Compiled code on disk is dropped when any part of it has changed."""

import os

import pytest

from tco.sim import kernel_cache


def test_files_of_compiled_code_and_what_it_is_made_with_are_parts():
    known = {"batch_kernel.py", "compiled.py", "kernel_layout.py"}
    known |= {"llm_apart.py", "llm_kernel.py", "llm_parts.py"}
    names = {file.name for file in kernel_cache.parts()}
    assert known < names
    assert "fleet.py" not in names


@pytest.mark.parametrize("newer", [True, False])
def test_an_index_older_than_any_part_goes(tmp_path, monkeypatch, newer):
    index = tmp_path / "llm_kernel.advance-299.py311.nbi"
    index.touch()
    changed_s = max(file.stat().st_mtime for file in kernel_cache.parts())
    os.utime(index, (changed_s, changed_s + 1 if newer else changed_s - 1))
    monkeypatch.setattr(kernel_cache, "_folder", lambda: tmp_path)
    kernel_cache.drop_outdated()
    assert index.exists() is newer
