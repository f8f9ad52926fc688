"""onnxruntime on models made here: what runs, what is refused, and that precision is real."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from tco.domain.measure_job import ModelPlace, OnnxJob, TensorInput  # noqa: E402
from tco.errors import TcoError  # noqa: E402
from tco.measure.harness import Harness  # noqa: E402
from tco.measure.onnx_runner import OnnxRunner  # noqa: E402
from tests.measure.conftest import HASTY  # noqa: E402

WIDTH = 64


def save_layer(path: Path, *, width: int | str = WIDTH, kind: int = TensorProto.FLOAT) -> Path:
    """One linear layer of 64 x 64 with an open batch."""
    weights = np.random.default_rng(1).standard_normal((WIDTH, WIDTH)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "layer",
        [helper.make_tensor_value_info("x", kind, ["n", width])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", WIDTH])],
        [numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.save(model, path)
    return path


def job(path: Path, **changes: object) -> OnnxJob:
    return OnnxJob.model_validate(
        {
            "runner": "onnx",
            "snapshot": "layer",
            "source": "made here",
            "model": ModelPlace(path=path.name),
            "precision": "fp32",
            "threads": 1,
            "batches": (1, 4),
            **changes,
        }
    )


def answer(runner: OnnxRunner, number: int) -> Any:
    """What the model gives at a setting of its sweep."""
    outputs: Any = runner.prepare(runner.settings()[number])()
    return outputs[0]


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    return save_layer(tmp_path / "layer.onnx")


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
@pytest.mark.filterwarnings("ignore")
def test_a_model_is_measured_in_each_precision(layer: Path, precision: str):
    runner = OnnxRunner(job(layer, precision=precision), layer)
    found = Harness(HASTY).sweep(runner)
    assert [point.batch for point in found.points] == [1, 4]
    assert runner.parameters == WIDTH * WIDTH
    assert (runner.runtime.name, runner.runtime.device) == ("onnxruntime", "cpu")


@pytest.mark.filterwarnings("ignore")
def test_int8_is_another_computation_and_nearly_the_same_answer(layer: Path):
    answers = {}
    for precision in ("fp32", "int8"):
        runner = OnnxRunner(job(layer, precision=precision), layer)
        answers[precision] = answer(runner, 1)
    exact, rounded = answers["fp32"], answers["int8"]
    assert exact.shape == (4, WIDTH)
    assert not np.array_equal(exact, rounded)
    assert np.corrcoef(exact.ravel(), rounded.ravel())[0, 1] > 0.99


def test_sizes_that_the_model_leaves_open_are_asked_for(tmp_path: Path):
    path = save_layer(tmp_path / "open.onnx", width="length")
    with pytest.raises(TcoError, match=r"give 'inputs: \{x: \{shape"):
        OnnxRunner(job(path), path)
    inputs = {"x": TensorInput(shape=("batch", "size"))}
    runner = OnnxRunner(job(path, inputs=inputs), path)
    with pytest.raises(TcoError, match="give input_sizes"):
        runner.prepare(runner.settings()[0])
    sized = OnnxRunner(job(path, inputs=inputs, input_sizes=(WIDTH,)), path)
    assert answer(sized, 1).shape == (4, WIDTH)


def test_a_size_that_the_model_refuses_is_said(tmp_path: Path):
    path = save_layer(tmp_path / "open.onnx", width="length")
    inputs = {"x": TensorInput(shape=("batch", WIDTH + 1))}
    runner = OnnxRunner(job(path, inputs=inputs), path)
    with pytest.raises(TcoError, match="onnxruntime refuses forward batch 1"):
        runner.prepare(runner.settings()[0])


def test_an_input_that_is_not_there_is_named(layer: Path):
    inputs = {"xx": TensorInput(shape=("batch", WIDTH))}
    with pytest.raises(TcoError, match=r"no input 'xx'\. Near it: x"):
        OnnxRunner(job(layer, inputs=inputs), layer)


def test_a_provider_that_is_not_there_is_no_silent_cpu(layer: Path):
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this machine has the provider")
    with pytest.raises(TcoError, match="has no CUDAExecutionProvider here"):
        OnnxRunner(job(layer, device="cuda"), layer)


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x80\x04K\x01."])
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes):
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(TcoError, match="is no ONNX model"):
        OnnxRunner(job(path), path)


def with_weights_at(path: Path, location: str) -> Path:
    model = onnx.load(save_layer(path))
    [weights] = model.graph.initializer
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value=location)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("location", ["../secret.bin", "/etc/hostname", "sub/../../secret.bin"])
def test_weights_may_not_lie_outside_the_folder(tmp_path: Path, location: str):
    (tmp_path / "secret.bin").write_bytes(bytes(4 * WIDTH * WIDTH))
    folder = tmp_path / "model"
    folder.mkdir()
    path = with_weights_at(folder / "model.onnx", location)
    with pytest.raises(TcoError, match="outside its own folder"):
        OnnxRunner(job(path), path)


def test_a_link_out_of_the_folder_is_followed_before_it_is_judged(tmp_path: Path):
    (tmp_path / "secret.bin").write_bytes(bytes(4 * WIDTH * WIDTH))
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights.bin").symlink_to(tmp_path / "secret.bin")
    path = with_weights_at(folder / "model.onnx", "weights.bin")
    with pytest.raises(TcoError, match="outside its own folder"):
        OnnxRunner(job(path), path)


def test_weights_beside_the_model_are_read_and_missing_ones_named(tmp_path: Path):
    path = with_weights_at(tmp_path / "model.onnx", "weights.bin")
    with pytest.raises(TcoError, match=r"needs its weights 'weights\.bin'"):
        OnnxRunner(job(path), path)
    (tmp_path / "weights.bin").write_bytes(bytes(4 * WIDTH * WIDTH))
    runner = OnnxRunner(job(path), path)
    assert not answer(runner, 0).any()
