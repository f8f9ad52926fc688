"""Results on disk are the results, and a broken shelf costs time only."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from tco.errors import InfeasibleError
from tco.tasks import Kept, WantedError, digest_of, source_digest, user_cache


@dataclass
class Work:
    answer: dict[str, Any] | InfeasibleError
    key: str = digest_of({"a": 1})
    about_s: float = 0.0
    times: list[int] = field(default_factory=list)

    def work(self):
        self.times.append(1)
        if isinstance(self.answer, InfeasibleError):
            raise self.answer
        return self.answer


def result(kept: Kept, task: Work) -> dict[str, Any]:
    """Ask for a result as a plan does: work it out if it is not there."""
    try:
        return kept.of(task)
    except WantedError as missing:
        kept.work_out([missing.task])
    return kept.of(task)


def test_work_is_done_once_and_its_floats_come_back_bit_for_bit(tmp_path):
    task = Work({"x": 0.1 + 0.2, "y": [1e-300, 3.0]})
    first = result(Kept(tmp_path), task)
    again = result(Kept(tmp_path), task)
    assert first == again == {"x": 0.1 + 0.2, "y": [1e-300, 3.0]}
    assert len(task.times) == 1


def test_other_keys_are_other_work(tmp_path):
    task, other = Work({"x": 1}), Work({"x": 2}, key=digest_of({"a": 2}))
    assert result(Kept(tmp_path), task) == {"x": 1}
    assert result(Kept(tmp_path), other) == {"x": 2}


def test_one_key_asked_for_twice_is_worked_out_once():
    task = Work({"x": 1})
    Kept().work_out([task, task])
    assert len(task.times) == 1


def test_without_a_folder_results_last_as_long_as_the_shelf():
    task, kept = Work({"x": 1}), Kept()
    assert result(kept, task) == result(kept, task) == {"x": 1}
    assert len(task.times) == 1
    result(Kept(), task)
    assert len(task.times) == 2


def test_a_refusal_is_raised_each_time_and_never_written(tmp_path):
    task, kept = Work(InfeasibleError("too small")), Kept(tmp_path)
    for _ in range(2):
        with pytest.raises(InfeasibleError, match="too small"):
            result(kept, task)
    assert len(task.times) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("broken", [b"", b"{", b"[1]", b"\xff\xfe", b'{"x": '])
def test_a_broken_file_is_as_good_as_none_and_is_mended(tmp_path, broken):
    task = Work({"x": 1})
    result(Kept(tmp_path), task)
    path = tmp_path / task.key[:2] / f"{task.key}.json"
    path.write_bytes(broken)
    assert result(Kept(tmp_path), task) == {"x": 1}
    assert json.loads(path.read_text()) == {"x": 1}
    assert len(task.times) == 2


def test_a_folder_that_cannot_be_written_to_costs_time_only(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    task = Work({"x": 1})
    assert result(Kept(blocked), task) == {"x": 1}
    assert result(Kept(blocked), task) == {"x": 1}
    assert len(task.times) == 2


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
