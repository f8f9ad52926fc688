"""An opened number as an indented tree."""

from __future__ import annotations

from typing import Any

from tco.ledger.explain import Opened


def draw(tree: Opened) -> str:
    """Draw the tree with lines that show what belongs to what."""
    lines = [tree.text]

    def walk(node: Opened, indent: str) -> None:
        for number, part in enumerate(node.parts):
            last = number == len(node.parts) - 1
            lines.append(f"{indent}{'└─' if last else '├─'} {part.text}")
            walk(part, indent + ("   " if last else "│  "))

    walk(tree, "")
    return "\n".join(lines)


def as_document(tree: Opened) -> dict[str, Any]:
    """Write the tree as plain data."""
    return {"text": tree.text, "parts": [as_document(part) for part in tree.parts]}
