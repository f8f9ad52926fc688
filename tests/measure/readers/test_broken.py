"""A result file with any one field gone, or holding something else, is read or refused in words."""

import copy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tco.errors import InputError
from tests.measure.readers.foreign import (
    ABOUT,
    AIPERF,
    CODECARBON,
    GUIDELLM,
    OPTIMUM,
    PERF_ANALYZER,
    VLLM,
    imported,
)

SAID = replace(ABOUT, batch=1.0, calls=100)
WRONG: tuple[Any, ...] = (None, "text", -1.0, [], float("nan"), 1e300)


def places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inside = document.items() if isinstance(document, dict) else (
        enumerate(document) if isinstance(document, list) else ()
    )  # fmt: skip
    for key, value in inside:
        yield (*path, key)
        yield from places(value, (*path, key))


def broken(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in places(document):
        for wrong in (*WRONG, "gone"):
            copied = copy.deepcopy(document)
            holder = copied
            for key in path[:-1]:
                holder = holder[key]
            if wrong == "gone":
                del holder[path[-1]]
            else:
                holder[path[-1]] = wrong
            yield copied


def reads_or_refuses(folder: Path, content: Any) -> None:
    try:
        points = len(imported(folder, content, about=SAID).points)
    except InputError as error:
        points = len(error.findings)
    assert points


@pytest.mark.parametrize(
    "document", [VLLM, GUIDELLM, AIPERF, OPTIMUM], ids=["vllm", "guidellm", "aiperf", "optimum"]
)
def test_no_broken_document_leaves_without_words(tmp_path, document):
    for content in broken(document):
        reads_or_refuses(tmp_path, content)


@pytest.mark.parametrize("table", [PERF_ANALYZER, CODECARBON], ids=["perf", "codecarbon"])
def test_no_broken_table_leaves_without_words(tmp_path, table):
    header, first, *rest = table.splitlines()
    cells = first.split(",")
    for column in range(len(cells)):
        for wrong in ("", "text", "-1", "0", "nan", "1e300", "inf"):
            changed = [*cells[:column], wrong, *cells[column + 1 :]]
            reads_or_refuses(tmp_path, "\n".join([header, ",".join(changed), *rest]) + "\n")
