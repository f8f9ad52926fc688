"""Models of the ``transformers`` package, from local files alone; the only file that imports it.

Weights are read as safetensors, never as pickles; code that a model folder brings is not run; and
nothing is fetched from a hub.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from tco.errors import TcoError

os.environ["HF_HUB_OFFLINE"] = "1"  # read when the packages load, so it stands before them
os.environ["TRANSFORMERS_OFFLINE"] = "1"

import transformers

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()

VERSION: str = transformers.__version__


def load(place: Path, *, weights: Literal["trained", "random"], causal: bool, dtype: Any) -> Any:
    """Load a model from a folder, or build the architecture of a config with random weights."""
    auto: Any = transformers.AutoModelForCausalLM if causal else transformers.AutoModel
    folder = place if place.is_dir() else place.parent
    if weights == "random":
        config = _config(place)
        return auto.from_config(config, dtype=dtype, trust_remote_code=False)
    if not place.is_dir() or not any(folder.glob("*.safetensors")):
        raise TcoError(
            f"{place} holds no weights as safetensors, the only form that is read; say "
            "'weights: random' to measure the architecture alone"
        )
    _config(place)
    try:
        return auto.from_pretrained(
            place, local_files_only=True, use_safetensors=True, trust_remote_code=False, dtype=dtype
        )
    except Exception as error:
        raise TcoError(f"{place} cannot be loaded: {str(error).strip()[:300]}") from None


def _config(place: Path) -> Any:
    file = place / "config.json" if place.is_dir() else place
    if not file.is_file():
        raise TcoError(f"{place} has no config.json; name a folder of a transformers model")
    try:
        return transformers.AutoConfig.from_pretrained(
            file.parent if file.name == "config.json" else file,
            local_files_only=True,
            trust_remote_code=False,
        )
    except Exception as error:
        first = str(error).strip().split("\n")[0][:300]
        raise TcoError(f"{file} is no architecture that is known here: {first}") from None
