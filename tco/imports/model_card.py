"""Model cards: Markdown that begins with YAML, as model hubs write them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tco.domain.record import IDENTIFIER_PATTERN
from tco.domain.source import parse_yaml
from tco.errors import TcoError
from tco.imports.snapshot_facts import Facts, Value, identifier_of, one_line

MOST_BYTES = 2_000_000
MOST_METRICS = 50
RELATIONS = {"quantized": "quantised"}
"""Of a model to the one it was made from, where the card's word says how."""
SPLITS = ("validation", "test")


def facts_of_card(path: Path) -> Facts:
    """Read what the head of a model card tells."""
    if path.stat().st_size > MOST_BYTES:
        raise TcoError(f"{path} is larger than a model card can be")
    try:
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise TcoError(f"{path} is not UTF-8 text; save it so") from None
    found = re.match(r"---[ \t]*\n(.*?\n)---[ \t]*(?:\n|$)", text, flags=re.DOTALL)
    if found is None:
        raise TcoError(f"{path} does not begin with YAML between two lines '---': no model card")
    head = parse_yaml(f"\n{found[1]}".encode(), str(path)).data  # keeps the lines of the card
    values: dict[str, Value] = {}
    remarks: list[str] = []
    for key, told in (
        ("name", _name(head, text[found.end() :])),
        ("licence", _licence(head)),
        ("task", head.get("pipeline_tag")),
        ("training.data_provenance", _datasets(head)),
        ("training.approach", RELATIONS.get(str(head.get("base_model_relation")))),
    ):
        if isinstance(told, str) and told.strip():
            values[key] = one_line(told)
    if "name" in values:
        values["id"] = identifier_of(str(values["name"]).rpartition("/")[2])
    if parents := _texts(head.get("base_model")):
        remarks.append(
            f"training.parent: made from {', '.join(parents)}; name the snapshot that stands for it"
        )
    values |= _metrics(head, remarks)
    return Facts(str(path), values, remarks=tuple(remarks))


def _name(head: Mapping[str, Any], body: str) -> str | None:
    models = head.get("model-index")
    if isinstance(models, list) and len(models) == 1 and isinstance(models[0], dict):
        named = models[0].get("name")
        if isinstance(named, str):
            return named
    title = re.search(r"^# +(.+?)\s*#*\s*$", body, flags=re.MULTILINE)
    return title[1] if title else None


def _licence(head: Mapping[str, Any]) -> str | None:
    """Return the licence; 'other' is none until its name is said."""
    told = _texts(head.get("license"))
    if told == ["other"]:
        told = _texts(head.get("license_name"))
    return ", ".join(told) or None


def _datasets(head: Mapping[str, Any]) -> str | None:
    named = _texts(head.get("datasets"))
    return f"datasets that the model card names: {', '.join(named)}" if named else None


def _texts(value: Any) -> list[str]:
    return [
        each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)
    ]


# ---- published scores ---------------------------------------------------------------------------


def _metrics(head: Mapping[str, Any], remarks: list[str]) -> dict[str, Value]:
    values: dict[str, Value] = {}
    taken = 0
    for task, data, metric in _scores(head):
        name, test_set = (_texts([each.get("type"), each.get("name")]) for each in (metric, data))
        label = one_line(f"{' '.join(name[:1])} on {' '.join(test_set[-1:])}")
        score, split, kind = metric.get("value"), data.get("split"), task.get("type")
        if not isinstance(score, int | float) or isinstance(score, bool):
            remarks.append(f"metrics: {label} is no number")
        elif split not in SPLITS:
            remarks.append(f"metrics: {label} does not say whether on a validation or test split")
        elif not isinstance(kind, str) or not re.fullmatch(IDENTIFIER_PATTERN, kind):
            remarks.append(f"metrics: {label} names no task")
        elif not name or not test_set:
            remarks.append(f"metrics: {label} does not name both the metric and the test set")
        elif taken >= MOST_METRICS:
            remarks.append(f"metrics: {label} and those after it are more than {MOST_METRICS}")
            break
        else:
            start = f"metrics[{taken}]"
            values |= {
                f"{start}.name": one_line(name[0]),
                f"{start}.value": float(score),
                f"{start}.split": split,
                f"{start}.is_public_benchmark": True,
                f"{start}.task": kind,
                f"{start}.test_set": one_line(test_set[-1]),
                f"{start}.evidence": "published",
                f"{start}.source": "model card",
            }
            taken += 1
    return values


Parts = tuple[dict[str, Any], dict[str, Any], dict[str, Any]]


def _scores(head: Mapping[str, Any]) -> Iterator[Parts]:
    """Yield task, data set and metric of each score that the card's index lists."""
    for model in _mappings(head.get("model-index")):
        for result in _mappings(model.get("results")):
            task, data = result.get("task"), result.get("dataset")
            for metric in _mappings(result.get("metrics")):
                yield (
                    task if isinstance(task, dict) else {},
                    data if isinstance(data, dict) else {},
                    metric,
                )


def _mappings(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
