"""``config.json`` of a model folder: architecture, precision, context; no code of it is run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tco.errors import TcoError
from tco.imports.snapshot_facts import Facts, Value, one_line

MOST_BYTES = 5_000_000
PRECISIONS = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16", "float64": "fp64"}
WRITES_TOKENS = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
ANSWERS_AT_ONCE = (
    "ForSequenceClassification",
    "ForTokenClassification",
    "ForMaskedLM",
    "ForQuestionAnswering",
    "ForMultipleChoice",
    "ForImageClassification",
)
LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")


def facts_of_config(path: Path) -> Facts:
    """Read what a configuration tells about its model."""
    config = read_json(path)
    classes = config.get("architectures") or []
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise TcoError(f"{path}: 'architectures' is no list of names; fetch the file again")
    if not classes and "model_type" not in config:
        raise TcoError(f"{path} names neither architectures nor model_type, so it is no model's")
    values: dict[str, Value] = {"architecture": _architecture(config, classes)}
    remarks = []
    writes = any(name.endswith(WRITES_TOKENS) for name in classes)
    if writes:
        values["uses_tokens"] = True
        context = config.get("max_position_embeddings")
        if type(context) is int and context > 0:
            values["context_tokens"] = context
    elif any(name.endswith(ANSWERS_AT_ONCE) for name in classes):
        values["uses_tokens"] = False
    if precision := _precision(config):
        values["precision"] = precision
    if "auto_map" in config:
        remarks.append("the model brings code of its own (auto_map); it was not run")
    if any("expert" in key for key in config):
        remarks.append("active_parameters: a mixture of experts; its card says how many are active")
    return Facts(str(path), values, remarks=tuple(remarks))


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON mapping of bounded size."""
    if path.stat().st_size > MOST_BYTES:
        raise TcoError(f"{path} is larger than a description of a model can be")
    try:
        data = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise TcoError(f"{path} is not JSON: {error}; fetch it again") from None
    if not isinstance(data, dict):
        raise TcoError(f"{path} is no mapping of keys to values; fetch it again")
    return data


def _architecture(config: dict[str, Any], classes: list[str]) -> str:
    name = ", ".join(classes) or str(config["model_type"])
    layers = [config[key] for key in LAYERS if type(config.get(key)) is int]
    return one_line(f"{name}, {layers[0]} layers" if layers else name)


def _precision(config: dict[str, Any]) -> str | None:
    quantised = config.get("quantization_config")
    if isinstance(quantised, dict):
        method, bits = quantised.get("quant_method"), quantised.get("bits")
        if isinstance(method, str):
            return one_line(f"{method}, {bits} bits" if type(bits) is int else method)
        return None
    named = config.get("dtype", config.get("torch_dtype"))
    return PRECISIONS.get(named) if isinstance(named, str) else None
