"""Results on disk are the results, and a broken shelf costs time only."""

import json

import pytest

from tco.tasks import Kept, digest_of, source_digest, user_cache


class Work:
    def __init__(self, result):
        self.result, self.times = result, 0

    def __call__(self):
        self.times += 1
        return self.result


KEY = digest_of({"a": 1})


def test_work_is_done_once_and_its_floats_come_back_bit_for_bit(tmp_path):
    work = Work({"x": 0.1 + 0.2, "y": [1e-300, 3.0]})
    first = Kept(tmp_path).result(KEY, work)
    again = Kept(tmp_path).result(KEY, work)
    assert first == again == {"x": 0.1 + 0.2, "y": [1e-300, 3.0]}
    assert work.times == 1


def test_other_keys_are_other_work(tmp_path):
    work = Work({"x": 1})
    Kept(tmp_path).result(KEY, work)
    Kept(tmp_path).result(digest_of({"a": 2}), work)
    assert work.times == 2


def test_without_a_folder_nothing_is_kept():
    work = Work({"x": 1})
    assert Kept().result(KEY, work) == Kept().result(KEY, work)
    assert work.times == 2


@pytest.mark.parametrize("broken", [b"", b"{", b"[1]", b"\xff\xfe", b'{"x": '])
def test_a_broken_file_is_as_good_as_none_and_is_mended(tmp_path, broken):
    work = Work({"x": 1})
    Kept(tmp_path).result(KEY, work)
    path = tmp_path / KEY[:2] / f"{KEY}.json"
    path.write_bytes(broken)
    assert Kept(tmp_path).result(KEY, work) == {"x": 1}
    assert json.loads(path.read_text()) == {"x": 1}
    assert work.times == 2


def test_a_folder_that_cannot_be_written_to_costs_time_only(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    work = Work({"x": 1})
    assert Kept(blocked).result(KEY, work) == {"x": 1}
    assert Kept(blocked).result(KEY, work) == {"x": 1}
    assert work.times == 2


def test_a_key_rests_on_every_part_and_not_on_their_order():
    assert digest_of({"a": 1, "b": [2.5]}) == digest_of({"b": [2.5], "a": 1})
    assert digest_of({"a": 1}) != digest_of({"a": 2})
    with pytest.raises(ValueError, match="not JSON compliant"):
        digest_of({"a": float("nan")})


def test_other_code_is_another_key(tmp_path):
    (tmp_path / "kernel.py").write_text("x = 1\n")
    before = source_digest(tmp_path)
    source_digest.cache_clear()
    (tmp_path / "kernel.py").write_text("x = 2\n")
    assert source_digest(tmp_path) != before


def test_the_folder_follows_the_platform_setting(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert user_cache() == tmp_path / "tco-planner"
