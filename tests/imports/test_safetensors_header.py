"""Headers count what weights there are; a file that lies about itself is refused, unread."""

import math
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tco.errors import TcoError
from tco.imports.safetensors_header import read_header, weights_of
from tests.imports.model_files import Tensors, write_raw, write_safetensors

SMALL: Tensors = {"a": ("F16", [3, 4]), "b": ("F32", [5]), "ids": ("I64", [0, 7])}


def entry(kind: str, shape: object, *span: object) -> dict[str, object]:
    return {"dtype": kind, "shape": shape, "data_offsets": list(span)}


def test_parameters_precision_and_bytes_are_counted_by_hand(tmp_path: Path):
    found = weights_of([read_header(write_safetensors(tmp_path / "m.safetensors", SMALL))])
    assert (found.parameters, found.precision, found.weight_bytes) == (17, "fp16", 12 * 2 + 5 * 4)


@given(
    shapes=st.lists(
        st.tuples(st.sampled_from(["F32", "F16", "BF16"]), st.lists(st.integers(0, 9), max_size=4)),
        min_size=1,
        max_size=6,
    )
)
def test_every_element_is_counted_once(tmp_path_factory, shapes):
    tensors = {f"t{number}": shape for number, shape in enumerate(shapes)}
    path = write_safetensors(tmp_path_factory.mktemp("m") / "m.safetensors", tensors)
    elements = sum(math.prod(shape) for _, shape in shapes)
    assert weights_of([read_header(path)]).parameters == elements


def test_the_headers_of_a_file_that_another_program_wrote_are_read(tmp_path: Path):
    numpy_files = pytest.importorskip("safetensors.numpy")
    import numpy as np

    path = tmp_path / "m.safetensors"
    arrays = {"w": np.zeros((7, 3), np.float32), "h": np.zeros(4, np.float16)}
    numpy_files.save_file(arrays, path, metadata={"license": "mit"})
    header = read_header(path)
    assert header.tensors == {"w": ("F32", 21), "h": ("F16", 4)}
    assert header.metadata == {"license": "mit"}


def test_sixteen_gigabytes_of_weights_are_never_read(tmp_path: Path):
    big: Tensors = {f"layer.{n}": ("BF16", [1000, 100_000]) for n in range(80)}
    found = weights_of([read_header(write_safetensors(tmp_path / "big.safetensors", big))])
    assert (found.parameters, found.weight_bytes) == (8_000_000_000, 16_000_000_000)


def test_packed_weights_have_no_count_of_parameters(tmp_path: Path):
    packed: Tensors = {"layer.qweight": ("I32", [512, 64]), "layer.scales": ("F16", [4, 64])}
    found = weights_of([read_header(write_safetensors(tmp_path / "q.safetensors", packed))])
    assert (found.parameters, found.precision) == (None, None)
    assert found.weight_bytes == 512 * 64 * 4 + 4 * 64 * 2


def test_buffers_are_no_parameters(tmp_path: Path):
    with_buffer: Tensors = {"w": ("F32", [300, 300]), "position_ids": ("I64", [1, 64])}
    found = weights_of([read_header(write_safetensors(tmp_path / "b.safetensors", with_buffer))])
    assert found.parameters == 90_000


BROKEN = {
    "take 1,000,000,000": ({}, 0, 10**9),
    "take 18,446,744": ({}, 0, 2**64 - 1),
    "not JSON": (b"{", 0, None),
    "not JSON (a name": (b'{"a": 1, "a": 1}', 0, None),
    "no mapping": ([], 0, None),
    "metadata": ({"__metadata__": {"a": 1}}, 0, None),
    "type 'Q4'": ({"a": entry("Q4", [4], 0, 4)}, 4, None),
    "type 'None'": ({"a": 7}, 0, None),
    "shape": ({"a": entry("F32", [-1], 0, 4)}, 4, None),
    "shape of 'many'": ({"many": entry("F32", [1] * 40, 0, 4)}, 4, None),
    "shape of 'true'": ({"true": entry("F32", [True], 0, 4)}, 4, None),
    "shape of 'vast'": ({"vast": entry("F32", [2**60], 0, 4)}, 4, None),
    "place of": ({"a": entry("F32", [1], 0)}, 4, None),
    "does not fill": ({"a": entry("F32", [2], 0, 4)}, 4, None),
    "does not fill its place": ({"a": entry("F32", [1], 4, 0)}, 4, None),
    "overlap": ({"a": entry("F32", [1], 0, 4), "b": entry("F32", [1], 0, 4)}, 4, None),
    "hole": ({"a": entry("F32", [1], 4, 8)}, 8, None),
    "end at byte 4": ({"a": entry("F32", [1], 0, 4)}, 5, None),
    "end at byte 8": ({"a": entry("F32", [2], 0, 8)}, 4, None),
}


@pytest.mark.parametrize("words", BROKEN)
def test_a_file_that_is_not_whole_is_refused(tmp_path: Path, words: str):
    header, weights, length = BROKEN[words]
    path = write_raw(tmp_path / "m.safetensors", header, weights=weights, length=length)
    with pytest.raises(TcoError, match="no whole safetensors file") as refused:
        read_header(path)
    assert words in str(refused.value)


def test_a_header_nested_without_end_is_refused(tmp_path: Path):
    path = write_raw(tmp_path / "m.safetensors", b'{"a":' * 200_000, weights=0)
    with pytest.raises(TcoError, match="not JSON"):
        read_header(path)


def test_a_file_shorter_than_a_length_is_refused(tmp_path: Path):
    path = tmp_path / "m.safetensors"
    path.write_bytes(struct.pack("<Q", 2)[:5])
    with pytest.raises(TcoError, match="of 5"):
        read_header(path)
