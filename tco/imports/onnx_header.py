"""ONNX files: shapes and types of the weights, with weights in other files left unread.

The only file beside the measuring one that imports ``onnx``.
"""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

from tco.errors import TcoError
from tco.imports.snapshot_facts import Facts, Value, one_line

MOST_BYTES = 2**31
"""A protobuf cannot be longer; larger models keep their weights in files beside it."""
MOST_EXTENT = 2**53
PRECISIONS = {
    "FLOAT": "fp32", "FLOAT16": "fp16", "BFLOAT16": "bf16", "DOUBLE": "fp64",
    "INT8": "int8", "UINT8": "int8", "FLOAT8E4M3FN": "fp8", "FLOAT8E5M2": "fp8",
}  # fmt: skip
PACKED_BY = ("MatMulNBits", "GatherBlockQuantized", "QMoE")
"""Operators whose weights are several to a byte."""


def facts_of_onnx(path: Path) -> Facts:
    """Read what an ONNX file tells about its model."""
    model = _loaded(path)
    others = _files_beside(path, model)
    elements = _elements_by_type(path, model)
    own = {kind: count for kind, count in elements.items() if kind in PRECISIONS}
    packed = sorted({n.op_type for n in model.graph.node if n.op_type in PACKED_BY})
    packed += sorted(kind for kind in elements if kind in ("INT4", "UINT4", "FLOAT4E2M1"))
    said = {entry.key.lower(): one_line(entry.value) for entry in model.metadata_props}
    size_bytes = path.stat().st_size + sum(file.stat().st_size for file in others)
    values: dict[str, Value] = {
        "size_gb": size_bytes / 1e9,
        "artefact_format": "ONNX",
        "openness": "open",
    }
    remarks = []
    if own and not packed:
        values["parameters"] = float(sum(own.values()))
        values["precision"] = PRECISIONS[max(own, key=lambda kind: own[kind])]
    else:
        why = f"packed ({', '.join(packed)})" if packed else "not in initialisers"
        remarks.append(f"parameters: the weights are {why}, so they cannot be counted")
    if licence := said.get("license") or said.get("licence"):
        values["licence"] = licence
    return Facts(str(path), values, remarks=tuple(remarks))


def _loaded(path: Path) -> Any:
    try:
        import onnx  # noqa: PLC0415 - only who imports such a model waits for it
    except ImportError:
        raise TcoError(
            "reading ONNX files needs the package 'onnx': install the extra 'measure', or fill in "
            "the table that --template prints"
        ) from None
    if path.stat().st_size >= MOST_BYTES:
        raise TcoError(f"{path} is larger than an ONNX file can be; its weights belong beside it")
    try:
        model = onnx.load(str(path), format="protobuf", load_external_data=False)
    except Exception as error:  # protobuf's own errors share no base
        raise TcoError(
            f"{path} cannot be read as ONNX: {str(error)[:200]}; fetch it again"
        ) from None
    if not model.graph.node and not model.graph.initializer:
        raise TcoError(f"{path} holds no graph, so it is no ONNX model; fetch it again")
    return model


def _elements_by_type(path: Path, model: Any) -> Counter[str]:
    import onnx  # noqa: PLC0415 - see above

    elements: Counter[str] = Counter()
    names = onnx.TensorProto.DataType
    for tensor in model.graph.initializer:
        if not all(0 <= extent <= MOST_EXTENT for extent in tensor.dims):
            raise TcoError(f"{path}: the shape of '{tensor.name[:80]}' is none; fetch it again")
        if len(tensor.dims) > 0:  # scalars are settings of an operator
            elements[names.Name(tensor.data_type)] += math.prod(tensor.dims)
    return elements


def _files_beside(path: Path, model: Any) -> set[Path]:
    """Return the files that hold weights; each must lie in the model's own folder."""
    names = {
        entry.value
        for tensor in model.graph.initializer
        for entry in tensor.external_data
        if entry.key == "location"
    }
    folder, found = path.parent.resolve(), set()
    for name in sorted(names):
        file = (folder / name.replace("\0", "")).resolve()
        if "\0" in name or not file.is_relative_to(folder):
            raise TcoError(f"{path} names weights at '{name[:80]}', outside its folder; not read")
        if not file.is_file():
            raise TcoError(
                f"{path} needs '{name[:80]}' beside it, which is not there; fetch it too"
            )
        found.add(file)
    return found
