"""torch and transformers on small random models: forward, training, prefill and decode."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from tco.domain.measure_job import LlmJob, ModelPlace, TorchJob, TrainJob  # noqa: E402
from tco.domain.measured import Phase, Unit  # noqa: E402
from tco.errors import TcoError  # noqa: E402
from tco.measure import transformers_models  # noqa: E402
from tco.measure.harness import Harness  # noqa: E402
from tco.measure.llm_runner import LlmRunner  # noqa: E402
from tco.measure.model_files import digest_of_weights  # noqa: E402
from tco.measure.torch_runner import TorchRunner  # noqa: E402
from tco.measure.torch_training import TrainRunner, add_lora  # noqa: E402
from tests.measure.conftest import HASTY, TINY_BERT  # noqa: E402

COMMON = {
    "snapshot": "tiny",
    "source": "made here",
    "weights": "random",
    "threads": 1,
    "model": ModelPlace(path="x"),
    "precision": "fp32",
}
WIDTH, LAYERS = 16, 2


def forward(**changes: object) -> TorchJob:
    job = {**COMMON, "runner": "torch", "batches": (1, 2), "input_sizes": (8,), **changes}
    return TorchJob.model_validate(job)


def training(**changes: object) -> TrainJob:
    job = {**COMMON, "runner": "train", "batches": (2,), "input_sizes": (8,), **changes}
    return TrainJob.model_validate(job)


def causal(**changes: object) -> LlmJob:
    job = {**COMMON, "runner": "llm", "batches": (1, 2), "contexts": (4, 12), **changes}
    return LlmJob.model_validate(job)


@pytest.fixture(autouse=True)
def _threads_as_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_forward_pass_is_measured(bert: Path, precision: str):
    runner = TorchRunner(forward(precision=precision), bert)
    found = Harness(HASTY).sweep(runner)
    assert [(p.batch, p.input_size, p.phase) for p in found.points] == [
        (1, 8, Phase.FORWARD),
        (2, 8, Phase.FORWARD),
    ]
    dtypes = {parameter.dtype for parameter in runner._model.parameters()}
    assert dtypes == {{"fp32": torch.float32, "bf16": torch.bfloat16}[precision]}
    assert (runner.runtime.threads, runner.runtime.mode) == (1, "eager")


def test_pictures_are_made_of_pixels(tmp_path: Path):
    file = tmp_path / "vit.json"
    file.write_text(
        '{"model_type": "vit", "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,'
        '"intermediate_size": 32, "image_size": 32, "patch_size": 16, "num_channels": 3}'
    )
    runner = TorchRunner(forward(input_sizes=(32,), batches=(2,)), file)
    assert len(Harness(HASTY).sweep(runner).points) == 1
    wrong = TorchRunner(forward(input_sizes=(48,), batches=(2,)), file)
    with pytest.raises(TcoError, match="torch refuses forward batch 2, size 48"):
        Harness(HASTY).sweep(wrong)


def test_a_device_that_is_not_there_is_said(bert: Path):
    if torch.cuda.is_available():
        pytest.skip("this machine has one")
    with pytest.raises(TcoError, match="torch sees no CUDA device"):
        TorchRunner(forward(device="cuda"), bert)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    torch.manual_seed(3)
    config = transformers.BertConfig(**TINY_BERT)
    folder = tmp_path / "saved"
    transformers.BertModel(config).save_pretrained(folder)
    return folder


def test_trained_weights_are_those_of_the_folder(saved: Path):
    model = transformers_models.load(saved, weights="trained", causal=False, dtype=torch.float32)
    original = transformers.BertModel.from_pretrained(saved)
    for ours, theirs in zip(model.parameters(), original.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert (digest_of_weights(saved) or "").startswith("sha256:")


def test_a_pickle_is_never_loaded(saved: Path):
    weights = next(saved.glob("*.safetensors"))
    torch.save({"a": torch.ones(1)}, saved / "pytorch_model.bin")
    weights.unlink()
    with pytest.raises(TcoError, match="no weights as safetensors"):
        TorchRunner(forward(weights="trained"), saved)


def test_weights_that_are_cut_off_are_refused(saved: Path):
    weights = next(saved.glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:2000])
    with pytest.raises(TcoError, match="cannot be loaded"):
        TorchRunner(forward(weights="trained"), saved)


@pytest.mark.parametrize(
    ("text", "says"),
    [('{"model_type": "no-such"}', "no architecture that is known"), ("{", "no architecture")],
)
def test_a_config_of_nothing_known_is_said(tmp_path: Path, text: str, says: str):
    file = tmp_path / "config.json"
    file.write_text(text)
    with pytest.raises(TcoError, match=says):
        TorchRunner(forward(), file)


def test_code_that_a_folder_brings_is_not_run(tmp_path: Path):
    (tmp_path / "config.json").write_text(
        '{"model_type": "evil", "auto_map": {"AutoConfig": "evil.Evil", "AutoModel": "evil.M"}}'
    )
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(TcoError, match="no architecture that is known"):
        TorchRunner(forward(), tmp_path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("mode", "trained"), [("full", None), ("lora", 2 * LAYERS * 2 * WIDTH * 4)]
)
def test_a_step_trains_what_it_should(bert: Path, mode: str, trained: int | None):
    runner = TrainRunner(training(mode=mode, lora_rank=4), bert)
    before = {name: p.detach().clone() for name, p in runner._model.named_parameters()}
    found = Harness(HASTY).sweep(runner)
    assert found.points[0].phase is Phase.TRAIN_STEP
    assert runner.runtime.settings["trained_parameters"] == (trained or runner.parameters)
    moved = {n for n, p in runner._model.named_parameters() if not torch.equal(p, before[n])}
    if mode == "lora":
        assert moved == {n for n in before if ".up." in n or ".down." in n}
    else:
        assert {n for n in before if "attention" in n and "weight" in n} <= moved


def test_lora_starts_as_the_model_that_it_adapts(bert: Path):
    model = transformers_models.load(bert, weights="random", causal=False, dtype=torch.float32)
    model.eval()
    tokens = torch.arange(8).reshape(1, 8)
    with torch.inference_mode():
        plain = model(tokens).last_hidden_state
        add_lora(model, 4)
        adapted = model(tokens).last_hidden_state
    assert torch.equal(plain, adapted)


def test_a_model_without_attention_has_nothing_for_lora():
    with pytest.raises(TcoError, match="no layer called query"):
        add_lora(torch.nn.Sequential(torch.nn.Linear(2, 2)), 2)


def test_prefill_and_decode_are_points_of_their_own(llama: Path):
    found = Harness(HASTY).sweep(LlmRunner(causal(), llama))
    settings = [(p.phase, p.batch, p.input_size, p.context_tokens) for p in found.points]
    assert settings == [
        row
        for context in (4, 12)
        for batch in (1, 2)
        for row in (
            (Phase.PREFILL, batch, context, None),
            (Phase.DECODE, batch, None, float(context)),
        )
    ]
    prefill, decode = found.points[2:4]
    assert prefill.throughput_unit is decode.throughput_unit is Unit.TOKENS
    tokens = {p.phase: (p.throughput_per_s or 0) * (p.seconds.mean or 0) for p in (prefill, decode)}
    assert tokens == pytest.approx({Phase.PREFILL: 2 * 4, Phase.DECODE: 2}, rel=0.01)


def test_each_decode_step_meets_the_same_context(llama: Path):
    runner = LlmRunner(causal(), llama)
    lengths = []
    model = runner._model
    original = model.forward

    def watched(*arguments, past_key_values=None, **more):
        if past_key_values is not None:
            lengths.append(past_key_values.get_seq_length())
        return original(*arguments, past_key_values=past_key_values, **more)

    model.forward = watched
    call = runner.prepare(runner.settings()[-1])
    for _ in range(4):
        call()
    assert lengths == [12] * 5


def test_nothing_is_asked_of_a_hub():
    import os

    assert os.environ["HF_HUB_OFFLINE"] == "1"
    with pytest.raises(TcoError, match="has no config"):
        transformers_models.load(
            Path("bert-base-uncased"), weights="random", causal=False, dtype=torch.float32
        )
