"""The facts of an evaluation inside files that hold no text of their own: pictures and rows."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from io import BytesIO
from xml.sax.saxutils import escape

import pandas as pd

PNG_START = b"\x89PNG\r\n\x1a\n"
AFTER_HEADER = len(PNG_START) + 4 + 4 + 13 + 4
"""Bytes of a PNG up to the end of its first chunk: sign, length, name, 13 bytes, check sum."""


def marked_png(content: bytes, facts: Mapping[str, str]) -> bytes:
    """Add facts as text chunks, which viewers list as the properties of a picture."""
    chunks = b"".join(_text_chunk(name, text) for name, text in facts.items())
    return content[:AFTER_HEADER] + chunks + content[AFTER_HEADER:]


def _text_chunk(name: str, text: str) -> bytes:
    """Return one chunk of international text, not compressed."""
    body = b"iTXt" + name.encode("latin-1") + b"\0\0\0\0\0" + text.encode()
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


def marked_svg(content: str, facts: Mapping[str, str]) -> str:
    """Add facts as the description of a picture, which screen readers tell."""
    lines = "\n".join(f"{name}: {text}" for name, text in facts.items())
    end = content.index(">", content.index("<svg")) + 1
    return f"{content[:end]}<desc>{escape(lines)}</desc>{content[end:]}"


def marked_parquet(rows: pd.DataFrame, facts: Mapping[str, str]) -> bytes:
    """Write rows with the facts beside them: pandas reads them back as the table's ``attrs``."""
    shown = rows.copy(deep=False)
    shown.attrs.update(facts)
    held = BytesIO()
    shown.to_parquet(held, index=False)
    return held.getvalue()
