"""What a slip of the hand, an editor or an enemy may make of a good file."""

import json
import string
from typing import Any

import hypothesis.strategies as st
import yaml

SNIPPETS = (
    "&a ", "*a", "!!python/object:os.system ", "!x ", "<<: ", "? ", "- ", "[", "]", "{", "}",
    '"', "'", ": ", ":", "|", ">", "%", "@", "`", "#", "---\n", "...\n", "\t", "\r\n", "\r",
    "\ufeff", "\x00", "\x07", "\u2028", "é", "日本", "\U0001f600", "~", "null", ".nan", ".inf",
    "-.inf", "1e999", "9" * 50, "0x1f", "1_000", "1:30", "yes", "2027-02-30", "-1", "1e308",
    "''", '""', "[[[[[[[[", "{a: {a: {a: ",
)  # fmt: skip
AMOUNTS = (0, 1, 2, 3, 0.5, 0.99, 7, 24, 100, 1e4, 1e6, 1e9, 1e15)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 1, 0.5, 1e15, 1e308, -1e308, 5e-324, 2**63, 10**38, 13, 121]),
    st.sampled_from(["", " ", "nan", "inf", "1", "0.5", "yes", "2027-01-01", "0000-00-00", "own"]),
    st.text(max_size=20),
)
GARBAGE: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["kind", "shape", "likely", "low", "x", ""]), inner),
    ),
    max_leaves=6,
)


@st.composite
def broken_texts(draw: st.DrawFn, good: bytes) -> bytes:
    """A file with some of its bytes cut out, written twice, moved or replaced."""
    raw = good
    for _ in range(draw(st.integers(1, 3))):
        start, end = sorted(draw(st.tuples(*[st.integers(0, len(raw))] * 2)))
        end = min(end, start + draw(st.sampled_from([0, 1, 5, 40, 400])))
        new = draw(
            st.one_of(
                st.sampled_from(SNIPPETS).map(str.encode),
                st.binary(max_size=6),
                st.just(raw[start:end] * 2),
                st.just(b""),
            )
        )
        raw = raw[:start] + new + raw[end:]
    return draw(st.sampled_from([raw] * 6 + [raw.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + raw]))


@st.composite
def broken_files(draw: st.DrawFn, good: dict[str, Any]) -> bytes:
    """A file of sound YAML in which keys are missing, misnamed, doubled or hold something else."""
    data = json.loads(json.dumps(good))
    for _ in range(draw(st.integers(1, 2))):
        holders = _holders(data)
        holder = draw(st.sampled_from(holders)) if holders else data
        if isinstance(holder, dict):
            _break_mapping(draw, holder)
        else:
            _break_list(draw, holder)
    return _written(data)


@st.composite
def other_numbers(draw: st.DrawFn, good: dict[str, Any]) -> bytes:
    """A file with other numbers, from nothing to far too much, and with parts left out."""
    data = json.loads(json.dumps(good))
    holders = [h for h in _holders(data) if isinstance(h, dict)]
    for _ in range(draw(st.integers(1, 3))):
        holder = draw(st.sampled_from(holders))
        key = draw(st.sampled_from(sorted(holder)))
        if isinstance(holder[key], int | float):
            holder[key] = draw(
                st.sampled_from([0, 1, 2, 3, 0.5, 0.99, 7, 24, 100, 1e4, 1e6, 1e9, 1e15])
            )
        elif draw(st.booleans()):
            del holder[key]
            holders = [h for h in _holders(data) if isinstance(h, dict)]
    return _written(data)


def _written(data: dict[str, Any]) -> bytes:
    return yaml.dump(data, Dumper=_DUMPER, allow_unicode=True, sort_keys=False).encode()


_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def _holders(data: Any) -> list[Any]:
    if not isinstance(data, dict | list):
        return []
    inner = data.values() if isinstance(data, dict) else data
    return [*([data] if data else []), *(found for part in inner for found in _holders(part))]


def _break_mapping(draw: st.DrawFn, holder: dict[str, Any]) -> None:
    key = draw(st.sampled_from(sorted(holder)))
    match draw(st.sampled_from(["delete", "rename", "replace", "add", "wrap", "negate"])):
        case "delete":
            del holder[key]
        case "rename":
            letter = draw(st.sampled_from([*string.ascii_lowercase[:4], "_s", " ", "é"]))
            holder[draw(st.sampled_from([key + letter, key[:-1], key.upper()]))] = holder.pop(key)
        case "add":
            holder[draw(st.text(max_size=8))] = draw(GARBAGE)
        case "wrap":
            holder[key] = draw(st.sampled_from([[holder[key]], {key: holder[key]}]))
        case "negate" if isinstance(holder[key], int | float):
            holder[key] = -holder[key] * draw(st.sampled_from([1, 1e6, -1e6, -1e12]))
        case _:
            holder[key] = draw(GARBAGE)


def _break_list(draw: st.DrawFn, holder: list[Any]) -> None:
    place = draw(st.integers(0, len(holder) - 1))
    match draw(st.sampled_from(["delete", "repeat", "replace", "empty"])):
        case "delete":
            del holder[place]
        case "repeat":
            holder.append(holder[place])
        case "empty":
            holder.clear()
        case _:
            holder[place] = draw(GARBAGE)
