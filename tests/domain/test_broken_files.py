"""Thousands of broken files: each is accepted, or refused with file, line and key."""

import shutil
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from tco.check import check_file
from tco.domain.loading import Library
from tco.domain.source import parse_yaml
from tco.errors import Finding, InputError
from tests.domain import breaking

GOOD = Path(__file__).parent / "library"
FILES = (
    "case/base.yaml",
    "case/high.yaml",
    "organisation.yaml",
    "snapshots/chatty.yaml",
    "snapshots/small.yaml",
)
RAW = {name: (GOOD / name).read_bytes() for name in FILES}
DATA = {name: parse_yaml(raw, name).data for name, raw in RAW.items()}
WHOLE = "case/high.yaml"
"""The scenario that stands on all of the files."""
PYDANTICS_WORDS = ("input should", "value error", "dictionary", "valid tuple", "pydantic")
together = settings(max_examples=200, suppress_health_check=list(HealthCheck))


class Shelf:
    """A copy of the good files, one of which is broken at a time."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copytree(GOOD, root)
        self._good = Library(root)
        for name in FILES:
            self._good.document(root / name)

    def library_with(self, name: str, raw: bytes) -> Library:
        path = self.root / name
        path.write_bytes(raw)
        library = Library(self.root)
        library._documents = {p: d for p, d in self._good._documents.items() if p != path}
        return library

    def findings(self, name: str, raw: bytes, *targets: str) -> list[Finding]:
        """Check the broken file, or others that stand on it."""
        library = self.library_with(name, raw)
        try:
            found = [f for target in targets for f in check_file(self.root / target, library)]
        finally:
            (self.root / name).write_bytes(RAW[name])
        for finding in found:
            assert_is_useful(finding, name, raw)
        return found


def assert_is_useful(finding: Finding, name: str, raw: bytes) -> None:
    shown = str(finding)
    assert finding.file.endswith(".yaml"), shown
    assert finding.problem, shown
    assert finding.action, shown
    assert shown.isprintable(), shown
    assert len(shown) < 1000, shown
    assert not [word for word in PYDANTICS_WORDS if word in shown.lower()], shown
    broken = finding.file.endswith(name)
    text = raw if broken else RAW[next(n for n in FILES if finding.file.endswith(n))]
    assert finding.line is not None, shown
    # yaml also counts other breaks than \n as lines
    assert 1 <= finding.line <= len(text.decode("utf-8", "replace").splitlines()) + 2, shown
    try:
        parse_yaml(text, name)
    except InputError:
        return  # then a key is not always known
    assert finding.key, shown


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    return Shelf(tmp_path_factory.mktemp("broken") / "library")


def test_the_files_are_good_before_they_are_broken(shelf: Shelf):
    assert [f for name in FILES for f in shelf.findings(name, RAW[name], *FILES)] == []


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_off_at_any_byte_is_accepted_or_refused(shelf: Shelf, name: str):
    whole = RAW[name]
    refused = sum(bool(shelf.findings(name, whole[:end], WHOLE)) for end in range(len(whole)))
    assert refused > len(whole) / 2


@pytest.mark.parametrize("name", FILES)
@together
@given(data=st.data())
def test_a_file_with_garbled_text_is_accepted_or_refused(shelf: Shelf, name: str, data):
    shelf.findings(name, data.draw(breaking.broken_texts(RAW[name])), name, WHOLE)


@pytest.mark.parametrize("name", FILES)
@together
@given(data=st.data())
def test_a_file_with_other_keys_and_values_is_accepted_or_refused(shelf: Shelf, name: str, data):
    shelf.findings(name, data.draw(breaking.broken_files(DATA[name])), name, WHOLE)
