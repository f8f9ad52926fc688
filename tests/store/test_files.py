"""Plans in a folder: nothing entered is lost, and nothing outside the folder is touched."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tco.errors import NotFoundError, TcoError
from tco.store.files import MOST_VERSIONS, DeletedError, FileStore

CONTENT = {"format": "plan/1", "volume_factor": 1.0}


@pytest.fixture
def store(tmp_path):
    return FileStore(tmp_path / "plans")


def added(store, title="Plan", *, is_draft=False):
    return store.add(CONTENT, title, "tickets", is_draft=is_draft)


def aged(store, id_, **by):
    """Let the versions and the note of a plan be older."""
    for file in (store.root / id_).glob("*.json"):
        held = json.loads(file.read_text())
        for key in ("begun_at", "changed_at"):
            if key in held:
                then = datetime.now(UTC) - timedelta(**by)
                held[key] = then.isoformat(timespec="microseconds")
        file.write_text(json.dumps(held))


def test_what_was_written_is_read_by_another_process(store):
    id_ = added(store)
    again = FileStore(store.root)
    assert again.content(id_) == CONTENT
    assert [(one.id, one.title, one.use_case) for one in again.saved()] == [
        (id_, "Plan", "tickets")
    ]


def test_a_draft_is_found_by_its_id_alone_until_it_has_a_title(store):
    id_ = added(store, is_draft=True)
    assert store.saved() == []
    assert store.content(id_) == CONTENT
    store.rename(id_, "  Named   at last ")
    assert [one.title for one in store.saved()] == ["Named at last"]


def test_changes_in_quick_succession_are_one_version_and_later_ones_another(store):
    id_ = added(store)
    store.write(id_, CONTENT | {"volume_factor": 2.0})
    assert [version.number for version in store.history(id_)] == [1]
    aged(store, id_, hours=1)
    store.write(id_, CONTENT | {"volume_factor": 3.0})
    assert [version.number for version in store.history(id_)] == [2, 1]
    assert store.content(id_, 1)["volume_factor"] == 2.0
    assert store.content(id_)["volume_factor"] == 3.0


def test_writing_the_same_again_makes_no_version(store):
    id_ = added(store)
    aged(store, id_, hours=1)
    store.write(id_, CONTENT)
    assert len(store.history(id_)) == 1


def test_only_the_last_versions_are_kept_and_an_older_one_is_told(store):
    id_ = added(store)
    for number in range(MOST_VERSIONS + 3):
        aged(store, id_, hours=1)
        store.write(id_, CONTENT | {"volume_factor": float(number)})
    assert len(store.history(id_)) == MOST_VERSIONS
    with pytest.raises(TcoError, match="no longer kept"):
        store.content(id_, 1)


def test_a_deleted_plan_comes_back_whole_and_is_not_written_meanwhile(store):
    id_ = added(store)
    store.delete(id_)
    assert store.saved() == []
    with pytest.raises(DeletedError, match="was deleted"):
        store.write(id_, CONTENT | {"volume_factor": 2.0})
    store.restore(id_)
    assert store.content(id_) == CONTENT
    assert len(store.saved()) == 1


def test_a_copy_is_a_plan_of_its_own(store):
    id_ = added(store)
    copy = store.duplicate(id_)
    store.write(copy, CONTENT | {"volume_factor": 2.0})
    assert store.content(id_) == CONTENT
    assert store.about(copy).title == "Copy of Plan"


def test_old_drafts_leave_when_a_new_plan_comes_and_saved_ones_stay(store):
    draft, saved = added(store, is_draft=True), added(store)
    for id_ in (draft, saved):
        aged(store, id_, days=100)
    added(store)
    assert not (store.root / draft).exists()
    assert store.content(saved) == CONTENT


@pytest.mark.parametrize("id_", ["../../etc", "", "0" * 15, "g" * 16, "0" * 16])
def test_an_id_that_is_none_is_refused(store, id_):
    with pytest.raises(NotFoundError):
        store.content(id_)


@pytest.mark.parametrize("title", ["", "   ", "x" * 121])
def test_a_title_has_some_characters_and_not_too_many(store, title):
    with pytest.raises(TcoError, match="a title has 1 to 120 characters"):
        added(store, title)


def test_a_file_changed_by_hand_is_told_and_not_guessed_at(store):
    id_ = added(store)
    (store.root / id_ / "000001.json").write_text("{")
    with pytest.raises(TcoError, match="cannot be read"):
        store.content(id_)


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "plans").write_text("a file")
    with pytest.raises(TcoError, match="cannot be made"):
        added(FileStore(tmp_path / "plans"))
