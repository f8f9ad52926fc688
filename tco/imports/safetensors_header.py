"""Headers of safetensors files: names, types and shapes of the weights, which are not read.

The form, byte by byte: eight bytes with the length of the header (little-endian), the header as
JSON, then the weights end to end.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from tco.errors import TcoError

MOST_HEADER_BYTES = 100_000_000
"""The format's own bound."""
MOST_DIMENSIONS = 32
MOST_EXTENT = 2**53
BITS = {
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
    "I32": 32, "U32": 32, "F32": 32,
    "I64": 64, "U64": 64, "F64": 64, "C64": 64,
}  # fmt: skip
PRECISIONS = {
    "F32": "fp32", "F16": "fp16", "BF16": "bf16", "F64": "fp64", "I8": "int8",
    "F8_E4M3": "fp8", "F8_E5M2": "fp8", "F4": "fp4",
}  # fmt: skip
"""Types whose elements are one parameter each."""
MOST_BUFFER_SHARE = 0.01
"""Other types up to this share of the bytes are buffers; more are weights packed in integers."""


@dataclass(frozen=True, slots=True)
class Header:
    """What the header of one file tells."""

    tensors: dict[str, tuple[str, int]]
    """Type and number of elements, by name."""
    metadata: dict[str, str]
    file_bytes: int


@dataclass(frozen=True, slots=True)
class Weights:
    """What the headers of one model's files tell together."""

    parameters: int | None
    """None where weights are packed, so that elements are no parameters."""
    precision: str | None
    weight_bytes: int


def read_header(path: Path) -> Header:
    """Read one header, or refuse a file that is not whole."""
    file_bytes = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = int.from_bytes(start, "little")
        if len(start) < 8 or length > file_bytes - 8:  # noqa: PLR2004 - the form above
            raise _broken(path, f"its header would take {length:,} bytes of {file_bytes:,}")
        if length > MOST_HEADER_BYTES:
            raise _broken(
                path, f"its header would take {length:,} bytes, more than the form allows"
            )
        raw = file.read(length)
    try:
        data = json.loads(raw.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise _broken(path, f"its header is not JSON ({error})") from None
    if not isinstance(data, dict):
        raise _broken(path, "its header is no mapping")
    metadata = data.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise _broken(path, "its metadata is not text")
    spans: list[tuple[int, int]] = []
    tensors = {name: _tensor(path, name, entry, spans) for name, entry in data.items()}
    end = 0
    for begins, ends in sorted(spans):
        if begins != end:
            raise _broken(path, f"its weights overlap or leave a hole at byte {min(begins, end):,}")
        end = ends
    if end != file_bytes - 8 - length:
        raise _broken(path, f"its weights end at byte {end:,}, not where the file does")
    return Header(tensors, metadata, file_bytes)


def weights_of(headers: Iterable[Header]) -> Weights:
    """Count what several files hold together."""
    elements: Counter[str] = Counter()
    for header in headers:
        for kind, count in header.tensors.values():
            elements[kind] += count
    sizes = {kind: count * BITS[kind] / 8 for kind, count in elements.items()}
    whole = math.ceil(sum(sizes.values()))
    own = {kind: count for kind, count in elements.items() if kind in PRECISIONS}
    others = sum(size for kind, size in sizes.items() if kind not in PRECISIONS)
    if not own or others > MOST_BUFFER_SHARE * whole:
        return Weights(None, None, whole)
    return Weights(sum(own.values()), PRECISIONS[max(own, key=lambda kind: own[kind])], whole)


def _tensor(path: Path, name: str, entry: Any, spans: list[tuple[int, int]]) -> tuple[str, int]:
    fields = entry if isinstance(entry, dict) else {}
    kind, shape, span = (fields.get(key) for key in ("dtype", "shape", "data_offsets"))
    if kind not in BITS:
        raise _broken(path, f"the type {str(kind)[:20]!r} of '{name[:80]}' is not known")
    if not _are_counts(shape) or len(shape) > MOST_DIMENSIONS:
        raise _broken(path, f"the shape of '{name[:80]}' is none")
    if not _are_counts(span) or len(span) != 2:  # noqa: PLR2004 - where it begins and ends
        raise _broken(path, f"the place of '{name[:80]}' is none")
    count, (begins, ends) = math.prod(shape), span
    if (ends - begins) * 8 != count * BITS[kind]:
        raise _broken(path, f"'{name[:80]}' does not fill its place")
    spans.append((begins, ends))
    return kind, count


def _are_counts(value: Any) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(
        type(each) is int and 0 <= each <= MOST_EXTENT for each in value
    )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name comes twice")
    return found


def _broken(path: Path, why: str) -> TcoError:
    return TcoError(f"{path} is no whole safetensors file: {why}; fetch it again")
