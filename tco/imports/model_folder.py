"""Files of one model, alone or in a folder: card, configuration and headers make one snapshot.

Weights come first, then the configuration, then the card, where they tell of the same thing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tco.errors import TcoError
from tco.imports.model_card import facts_of_card
from tco.imports.model_config import facts_of_config, read_json
from tco.imports.onnx_header import facts_of_onnx
from tco.imports.safetensors_header import PRECISIONS, Header, read_header, weights_of
from tco.imports.snapshot_facts import Facts, Value, identifier_of, one_line

PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".dill", ".npy")
INDEX = "model.safetensors.index.json"
GIB = 2**30


def facts_of_model(path: Path) -> Facts:
    """Read one model's file or folder."""
    if path.is_dir():
        return _of_folder(path)
    match path.suffix.lower():
        case ".safetensors":
            told = _of_safetensors(path, [path])
        case ".onnx":
            told = facts_of_onnx(path)
        case ".md":
            return facts_of_card(path)
        case ".json" if path.name.endswith(".safetensors.index.json"):
            told = _of_safetensors(path, _shards(path))
        case ".json":
            return facts_of_config(path)
        case suffix if suffix in PICKLES:
            raise _pickled(path)
        case _:
            raise TcoError(
                f"{path} is none of the files that are read: .csv and .xlsx tables, .safetensors, "
                ".onnx, config.json, a model card (.md), a folder of these, or an MLflow store"
            )
    return _named(told, path.stem)


def _of_folder(folder: Path) -> Facts:
    told = [
        facts_of_card(card)
        for card in [folder / "README.md"]
        if _is_inside(card) and _is_card(card)
    ]
    told += [facts_of_config(each) for each in [folder / "config.json"] if _is_inside(each)]
    told += _weights_in(folder)
    if not told:
        raise TcoError(
            f"{folder} holds no model card, config.json, safetensors or ONNX file, and no runs"
        )
    values = {key: value for facts in told for key, value in facts.values.items()}
    remarks = [remark for facts in told for remark in facts.remarks]
    pickles = sorted(file.name for file in folder.iterdir() if file.suffix.lower() in PICKLES)
    if pickles:
        remarks.append(f"not read, since a pickle can run code: {', '.join(pickles)}")
    values |= _place_in_cache(folder)
    return _named(Facts(str(folder), values, remarks=tuple(remarks)), folder.resolve().name)


def _weights_in(folder: Path) -> list[Facts]:
    index = folder / INDEX
    files = sorted(file for file in folder.glob("*.safetensors") if _is_inside(file))
    if _is_inside(index):
        return [_of_safetensors(index, _shards(index))]
    if len(files) > 1:
        raise TcoError(f"{folder} holds {len(files)} safetensors files and no {INDEX}; name one")
    if files:
        return [_of_safetensors(files[0], files)]
    graphs = sorted(file for file in folder.glob("*.onnx") if _is_inside(file))
    if len(graphs) > 1:
        raise TcoError(f"{folder} holds {len(graphs)} ONNX files; name one")
    if graphs:
        return [facts_of_onnx(graphs[0])]
    pickles = sorted(file for file in folder.iterdir() if file.suffix.lower() in PICKLES)
    if pickles:
        raise _pickled(pickles[0])
    return []


def _pickled(path: Path) -> TcoError:
    return TcoError(
        f"{path} is a pickle or may hold one, which can run code when it is read; it was not "
        "opened. Convert the model to safetensors or ONNX, or fill in a table (--template)"
    )


def _is_card(card: Path) -> bool:
    with card.open("rb") as file:
        return file.read(16).removeprefix(b"\xef\xbb\xbf").startswith(b"---")


def _is_inside(file: Path) -> bool:
    """Hold links inside the folder, or in the store of blobs that a hub's cache keeps beside it."""
    if not file.is_file():
        return False
    folder = file.parent.resolve()
    roots = [folder]
    if folder.parent.name == "snapshots":
        roots.append(folder.parent.parent / "blobs")
    if not any(file.resolve().is_relative_to(root) for root in roots):
        raise TcoError(f"{file} is a link that leaves its folder; it was not read")
    return True


# ---- safetensors --------------------------------------------------------------------------------


def _shards(index: Path) -> list[Path]:
    names = read_json(index).get("weight_map")
    if not isinstance(names, dict) or not names or not all(map(_is_text, names.values())):
        raise TcoError(f"{index} has no 'weight_map' of tensors to files; fetch it again")
    files = []
    for name in sorted(set(names.values())):
        if Path(name).name != name or "\0" in name or not name.endswith(".safetensors"):
            raise TcoError(f"{index} names weights at '{name[:80]}', no file beside it; not read")
        if not _is_inside(index.parent / name):
            raise TcoError(
                f"{index} needs '{name[:80]}' beside it, which is not there; fetch it too"
            )
        files.append(index.parent / name)
    return files


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _of_safetensors(path: Path, files: Sequence[Path]) -> Facts:
    headers = [read_header(file) for file in files]
    names = [name for header in headers for name in header.tensors]
    if len(set(names)) < len(names):
        raise TcoError(f"{path}: a tensor stands in two files; fetch them again")
    if path not in files and set(names) != set(read_json(path)["weight_map"]):
        raise TcoError(f"{path} and its files do not name the same tensors; fetch them again")
    weights = weights_of(headers)
    values: dict[str, Value] = {
        "size_gb": sum(header.file_bytes for header in headers) / 1e9,
        "memory_gib": weights.weight_bytes / GIB,
        "artefact_format": "safetensors",
        "openness": "open",
    }
    if not weights.weight_bytes:
        raise TcoError(f"{path} holds no weights; fetch it again")
    remarks = []
    if weights.parameters is None or weights.precision is None:
        kinds = ", ".join(sorted({kind for h in headers for kind, _ in h.tensors.values()}))
        remarks.append(
            f"parameters: weights are kept as {kinds}, several to an element or none of "
            f"{', '.join(sorted(set(PRECISIONS)))}, so elements are no parameters"
        )
    else:
        values["parameters"] = float(weights.parameters)
        values["precision"] = weights.precision
    return Facts(str(path), values | _from_metadata(headers), remarks=tuple(remarks))


def _from_metadata(headers: Sequence[Header]) -> dict[str, Value]:
    said = {key: value for header in headers for key, value in header.metadata.items()}
    found: dict[str, Value] = {}
    for key, names in (
        ("licence", ("license", "licence", "modelspec.license")),
        ("name", ("modelspec.title",)),
    ):
        told = [one_line(said[name]) for name in names if said.get(name, "").strip()]
        if told:
            found[key] = told[0]
    return found


# ---- names --------------------------------------------------------------------------------------


def _named(facts: Facts, name: str) -> Facts:
    """Name a model by its own name, else by its file."""
    own = str(facts.values.get("name", name))
    named: dict[str, Value] = {"id": identifier_of(own.rpartition("/")[2]), "name": own}
    return Facts(facts.file, {**named, **facts.values}, remarks=facts.remarks)


def _place_in_cache(folder: Path) -> dict[str, Value]:
    """A hub's cache keeps ``models--OWNER--NAME/snapshots/COMMIT``: source and version."""
    folder = folder.resolve()
    owner = folder.parent.parent.name
    if folder.parent.name != "snapshots" or not owner.startswith("models--"):
        return {}
    place = owner.removeprefix("models--").replace("--", "/")
    return {
        "source": place,
        "version": folder.name,
        "name": place,
        "id": identifier_of(place.rpartition("/")[2]),
    }
