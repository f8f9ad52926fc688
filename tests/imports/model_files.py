"""Files of models, written by hand byte by byte."""

import json
import struct
from pathlib import Path
from typing import Any

BYTES = {"F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I8": 1, "U8": 1}
Tensors = dict[str, tuple[str, list[int]]]


def header_of(tensors: Tensors, metadata: dict[str, str] | None = None) -> dict[str, Any]:
    header: dict[str, Any] = {} if metadata is None else {"__metadata__": metadata}
    end = 0
    for name, (kind, shape) in tensors.items():
        count = 1
        for extent in shape:
            count *= extent
        begin, end = end, end + count * BYTES[kind]
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [begin, end]}
    return header


def bytes_of(header: dict[str, Any]) -> int:
    return max((e["data_offsets"][1] for n, e in header.items() if n != "__metadata__"), default=0)


def write_safetensors(path: Path, tensors: Tensors, metadata: dict[str, str] | None = None) -> Path:
    """Write length, header and zeros; the zeros take no room on a disk that knows holes."""
    header = header_of(tensors, metadata)
    raw = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(raw)) + raw)
        file.truncate(8 + len(raw) + bytes_of(header))
    return path


def write_raw(path: Path, header: object, *, weights: int, length: int | None = None) -> Path:
    """Write a header as it is, with so many bytes of weights and a length that may lie."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    stated = len(raw) if length is None else length
    path.write_bytes(struct.pack("<Q", stated) + raw + bytes(weights))
    return path


CARD = """---
license: apache-2.0
pipeline_tag: text-classification
datasets:
- tickets-2026
base_model: nobody/tiny-encoder
base_model_relation: quantized
model-index:
- name: Tiny Router
  results:
  - task: {type: text-classification, name: Routing}
    dataset: {name: Public Tickets, type: public_tickets, split: test}
    metrics:
    - {type: f1, value: 0.87, name: Macro F1}
    - {type: accuracy, value: high}
  - task: {type: text-classification}
    dataset: {name: Old Tickets, type: old}
    metrics:
    - {type: f1, value: 0.91}
---
# Another title

Text with *stars*.
"""
CONFIG = {
    "architectures": ["BertForSequenceClassification"],
    "model_type": "bert",
    "num_hidden_layers": 2,
    "torch_dtype": "float32",
    "max_position_embeddings": 512,
}
