"""Graphs are counted without the weights that lie in other files."""

from pathlib import Path

import pytest

from tco.errors import TcoError
from tco.imports.model_folder import facts_of_model

onnx = pytest.importorskip("onnx")


def tensor(name: str, kind: int, dims: list[int], raw: bytes | None = None):
    found = onnx.TensorProto(name=name, data_type=kind, dims=dims)
    if raw is not None:
        found.raw_data = raw
    return found


def beside(name: str, dims: list[int], location: str):
    """A tensor whose numbers lie in another file."""
    found = tensor(name, onnx.TensorProto.FLOAT, dims)
    found.data_location = onnx.TensorProto.EXTERNAL
    found.external_data.add(key="location", value=location)
    return found


def write(path: Path, *tensors, operator: str = "Identity", **metadata: str) -> Path:
    node = onnx.helper.make_node(operator, ["x"], ["y"])
    graph = onnx.helper.make_graph([node], "main_graph", [], [], initializer=tensors)
    model = onnx.helper.make_model(graph)
    for key, value in metadata.items():
        model.metadata_props.add(key=key, value=value)
    path.write_bytes(model.SerializeToString())
    return path


def test_weights_in_the_file_are_counted_and_settings_are_not(tmp_path: Path):
    path = write(
        tmp_path / "router.onnx",
        tensor("w", onnx.TensorProto.FLOAT, [4, 5], bytes(80)),
        tensor("q", onnx.TensorProto.INT8, [50], bytes(50)),
        tensor("axis", onnx.TensorProto.INT64, [3], bytes(24)),
        tensor("scale", onnx.TensorProto.FLOAT, [], bytes(4)),
        license="mit",
    )
    values = facts_of_model(path).values
    assert (values["parameters"], values["precision"]) == (70, "int8")
    assert values["size_gb"] == path.stat().st_size / 1e9
    assert (values["licence"], values["name"]) == ("mit", "router")
    assert (values["artefact_format"], values["openness"]) == ("ONNX", "open")


def test_weights_beside_the_file_count_with_their_size_and_are_not_loaded(tmp_path: Path):
    with (tmp_path / "weights.bin").open("wb") as file:
        file.truncate(40_000_000_000)  # a hole: reading it would fill the memory
    path = write(tmp_path / "big.onnx", beside("w", [100_000, 100_000], "weights.bin"))
    values = facts_of_model(path).values
    assert values["parameters"] == 1e10
    assert values["size_gb"] == pytest.approx(40.0, rel=1e-4)


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("../weights.bin", "outside its folder; not read"),
        ("/etc/passwd", "outside its folder; not read"),
        ("weights.bin", "beside it, which is not there"),
    ],
)
def test_weights_outside_the_folder_are_refused(tmp_path: Path, location: str, words: str):
    (tmp_path / "weights.bin").touch()
    (tmp_path / "model").mkdir()
    path = write(tmp_path / "model" / "m.onnx", beside("w", [2], location))
    with pytest.raises(TcoError, match=words):
        facts_of_model(path)


def test_packed_weights_have_no_count(tmp_path: Path):
    blob = tensor("w", onnx.TensorProto.UINT8, [8], bytes(8))
    told = facts_of_model(write(tmp_path / "m.onnx", blob, operator="MatMulNBits"))
    assert "parameters" not in told.values
    assert told.remarks == (
        "parameters: the weights are packed (MatMulNBits), so they cannot be counted",
    )


def test_a_shape_below_zero_and_a_file_that_is_no_graph_are_refused(tmp_path: Path):
    path = write(tmp_path / "m.onnx", tensor("w", onnx.TensorProto.FLOAT, [-4]))
    with pytest.raises(TcoError, match="the shape of 'w' is none"):
        facts_of_model(path)
    for content in (b"", b"\x80\x04cos\nsystem\n.", b"PK\x03\x04" * 99):
        path.write_bytes(content)
        with pytest.raises(TcoError, match=r"cannot be read as ONNX|holds no graph"):
            facts_of_model(path)
