"""Reading YAML: plain data with the line of every key, and every refusal in words."""

import errno
from pathlib import Path

import pytest

from tco.domain.source import MOST_BYTES, MOST_FINDINGS, merge, parse_yaml, read_yaml
from tco.errors import InputError


def refusal(raw: bytes | str) -> list[str]:
    with pytest.raises(InputError) as caught:
        parse_yaml(raw if isinstance(raw, bytes) else raw.encode(), "f.yaml")
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-0.5", -0.5),
        ("6.02e23", 6.02e23),
        ("1.", 1.0),
        (".5", 0.5),
        ("010", 10),
        ("no", "no"),
        ("1:30", "1:30"),
        ("1_000", "1_000"),
        ("0x1f", "0x1f"),
        ("2027-01-01", "2027-01-01"),
        ("true", True),
        ("~", None),
        ("", None),
        ("'1'", "1"),
        ("[1, {b: c}]", [1, {"b": "c"}]),
        ("|\n  two\n  lines\n", "two\nlines\n"),
        ("日本", "日本"),
    ],
)
def test_scalars_follow_yaml_1_2(text: str, value: object):
    found = parse_yaml(f"a: {text}".encode(), "f.yaml").data["a"]
    assert found == value
    assert type(found) is type(value)


def test_a_byte_order_mark_and_windows_line_ends_are_read():
    found = parse_yaml(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n", "f.yaml")
    assert found.data == {"a": 1, "b": 2}
    assert found.place(("b",)).line == 2


def test_every_key_and_entry_knows_its_line():
    found = parse_yaml(b"a:\n  b:\n    - 1\n    - c: 2\nd: {e: 3}\n", "f.yaml")
    lines = {path: place.line for path, place in found.places.items()}
    assert lines == {
        (): 1,
        ("a",): 1,
        ("a", "b"): 2,
        ("a", "b", 0): 3,
        ("a", "b", 1): 4,
        ("a", "b", 1, "c"): 4,
        ("d",): 5,
        ("d", "e"): 5,
    }


PLAIN_VALUES = "write plain values only"
SYNTAX = "check indentation, quotes and colons near this line"
REFUSALS = {
    "a: 1\nb:\n  c: 2\n  c: 3": ["f.yaml:4: b.c: given twice (first on line 3); keep one of them"],
    "a: .nan\nb: [1, -.INF]": [
        "f.yaml:1: a: '.nan' is not a finite number; write a plain number",
        "f.yaml:2: b[1]: '-.INF' is not a finite number; write a plain number",
    ],
    "a: 1e999\nb: " + "9" * 40: [
        "f.yaml:1: a: '1e999' is too large a number; write a plain number",
        "f.yaml:2: b: '999999999999...' is too large a number; write a plain number",
    ],
    "a: &x [1]\nb: *x": [
        f"f.yaml:1: a: an anchor or a tag; {PLAIN_VALUES}",
        "f.yaml:2: b: alias '*x'; write the value out, or use extends",
    ],
    "a: &x 1\nb: !!python/object:os.system {}": [
        f"f.yaml:1: a: an anchor or a tag; {PLAIN_VALUES}",
        f"f.yaml:2: b: an anchor or a tag; {PLAIN_VALUES}",
    ],
    "a: 1\n<<: *x": ["f.yaml:2: <<: alias '*x'; write the value out, or use extends"],
    "a: 1\n? [b]\n: 2\nc: 3": ["f.yaml:2: a key that is not text; use a plain word as key"],
    "a: 1\n*x : 2\nb: 3": ["f.yaml:2: alias '*x'; write the value out, or use extends"],
    "a: 1\n---\nb: 2": ["f.yaml:2: a second document begins; keep one per file"],
    "a: 1\nb: [1, 2\nc: 3": [
        f"f.yaml:3: b[2]: not valid YAML: did not find expected ',' or ']'; {SYNTAX}"
    ],
    "a:\n\t- b": [
        "f.yaml:2: a: not valid YAML: found character that cannot start any token; " + SYNTAX
    ],
    'a: 1\nb: "half': [f"f.yaml:2: b: not valid YAML: found unexpected end of stream; {SYNTAX}"],
    "a: é\nb: \x07": [
        "f.yaml:2: not text: control characters are not allowed; "
        "delete them, or save the file with UTF-8 encoding"
    ],
    'a: 1\nb: "\\e[2J"': ["f.yaml:2: b: a control character in a text; delete it"],
    "": ["f.yaml:1: the file is empty; start with 'format: ...'"],
    "# only this\n": ["f.yaml:1: the file is empty; start with 'format: ...'"],
    "- a\n- b": ["f.yaml:1: not a mapping of keys to values; start with 'format: ...'"],
}


@pytest.mark.parametrize("text", REFUSALS, ids=range(len(REFUSALS)))
def test_what_cannot_be_read_is_refused_in_words(text: str):
    assert refusal(text) == REFUSALS[text]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "latin-1"])
def test_other_encodings_are_named(encoding: str):
    raw = "title: Prüfung\n".encode(encoding)
    assert refusal(raw) == ["f.yaml:1: not UTF-8 text; save the file with UTF-8 encoding"]


def test_utf_16_without_its_mark_is_no_text():
    [line] = refusal("title: x\n".encode("utf-16-le"))
    assert line.startswith("f.yaml:1: not text: control characters are not allowed")


@pytest.mark.parametrize("opening", ["[", "{a: "])
def test_depth_is_bounded(opening: str):
    [line] = refusal("a: " + opening * 100_000)
    assert line == "f.yaml:1: a: nested more than 40 deep; flatten the file"


def test_an_alias_bomb_is_refused_before_it_grows():
    layers = ["a0: &a0 [lol]"] + [f"a{n}: &a{n} [{f'*a{n - 1},' * 9}]" for n in range(1, 30)]
    lines = refusal("\n".join(layers))
    assert lines[0] == f"f.yaml:1: a0: an anchor or a tag; {PLAIN_VALUES}"
    assert len(lines) == MOST_FINDINGS + 1
    assert lines[-1].endswith("more problems follow; correct those above first")


def test_a_name_from_a_file_cannot_move_the_cursor():
    assert refusal('"\\e[2J": 1') == ["f.yaml:1: a control character in a text; delete it"]
    lines = refusal('"two\\nlines": .nan')
    assert lines == ["f.yaml:1: two\\nlines: '.nan' is not a finite number; write a plain number"]


# Files


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_yaml(path, shown_as="f.yaml")
    return str(caught.value)


def test_a_file_over_5_mb_is_refused_unread(tmp_path: Path):
    path = tmp_path / "f.yaml"
    path.write_bytes(b"a: 1 " + b" " * MOST_BYTES)
    assert refused(path) == "f.yaml: more than 5 MB; split it or shorten it"
    path.write_bytes(b"a: 1".ljust(MOST_BYTES))
    assert read_yaml(path).data == {"a": 1}


def test_an_endless_device_is_refused_too():
    assert refused(Path("/dev/zero")) == "f.yaml: more than 5 MB; split it or shorten it"


def test_files_that_cannot_be_read_are_named(tmp_path: Path):
    loop = tmp_path / "loop.yaml"
    loop.symlink_to(loop)
    advice = "check the path and its rights"
    assert refused(tmp_path) == f"f.yaml: cannot be read: Is a directory; {advice}"
    missing = refused(tmp_path / "none.yaml")
    assert missing == f"f.yaml: cannot be read: No such file or directory; {advice}"
    assert "Too many levels of symbolic links" in refused(loop)
    assert "File name too long" in refused(tmp_path / ("x" * 300))
    assert "null byte" in refused(tmp_path / "a\0b")


def test_a_file_without_rights_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def forbidden(self: Path, mode: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", forbidden)  # root, who may run this, may read every file
    assert "cannot be read: Permission denied; check" in refused(tmp_path / "f.yaml")


# Laying one document over another


def test_mappings_merge_and_all_else_is_replaced():
    low = parse_yaml(b"a: {b: 1, c: [1, 2]}\nd: 1\ne: 5\n", "low.yaml")
    high = parse_yaml(b"a:\n  c: [3]\n\nd: {x: 1}\n", "high.yaml")
    found = merge(low, high)
    assert found.data == {"a": {"b": 1, "c": [3]}, "d": {"x": 1}, "e": 5}
    places = {path: (place.file, place.line) for path, place in found.places.items()}
    assert places == {
        (): ("low.yaml", 1),
        ("a",): ("low.yaml", 1),
        ("a", "b"): ("low.yaml", 1),
        ("a", "c"): ("high.yaml", 2),
        ("a", "c", 0): ("high.yaml", 2),
        ("d",): ("high.yaml", 4),
        ("d", "x"): ("high.yaml", 4),
        ("e",): ("low.yaml", 3),
    }


def test_null_takes_away_and_its_line_is_kept():
    low = parse_yaml(b"a: {b: 1}\nc: 2\n", "low.yaml")
    found = merge(low, parse_yaml(b"\na: null\n", "high.yaml"))
    assert found.data == {"c": 2}
    assert (found.place(("a",)).file, found.place(("a",)).line) == ("high.yaml", 2)
    assert merge(found, low).data == {"a": {"b": 1}, "c": 2}


def test_neither_document_is_changed_by_laying_one_over_the_other():
    low, high = parse_yaml(b"a: {b: 1}\n", "low.yaml"), parse_yaml(b"a: {b: null}\n", "high.yaml")
    assert merge(low, high).data == {"a": {}}
    assert (low.data, high.data) == ({"a": {"b": 1}}, {"a": {"b": None}})
