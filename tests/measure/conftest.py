"""Small models, made here: an encoder and a Llama of two layers, and an ONNX layer."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tco.domain.measured import Effort

TINY_BERT = {
    "model_type": "bert", "vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 2,
    "num_attention_heads": 2, "intermediate_size": 32, "max_position_embeddings": 32,
}  # fmt: skip
TINY_LLAMA = {
    "model_type": "llama", "vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 2,
    "num_attention_heads": 2, "num_key_value_heads": 2, "intermediate_size": 32,
    "max_position_embeddings": 64,
}  # fmt: skip
HASTY = Effort(quick=True, least_inferences=2, least_seconds=0.0, most_seconds=2.0, repeats=1)


@pytest.fixture
def bert(tmp_path: Path) -> Path:
    file = tmp_path / "bert.json"
    file.write_text(json.dumps(TINY_BERT))
    return file


@pytest.fixture
def llama(tmp_path: Path) -> Path:
    file = tmp_path / "llama.json"
    file.write_text(json.dumps(TINY_LLAMA))
    return file


@pytest.fixture
def sleeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a user's module; it is the current folder, as where the command is run."""
    (tmp_path / "sleeper.py").write_text(
        "import time\n"
        "def make(batch, input_size):\n"
        "    return lambda: time.sleep(0.002 * batch)\n"
        "def wrong(batch, input_size):\n"
        "    return 3\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "sleeper", raising=False)
    return tmp_path


def job_file(folder: Path, **measurements: Mapping[str, object]) -> Path:
    """Write a job file; JSON is YAML."""
    file = folder / "jobs.yaml"
    file.write_text(json.dumps({"format": "measure/1", "measurements": measurements}))
    return file
