"""Charts as files: SVG and PNG, drawn on this machine without a browser."""

from __future__ import annotations

import json
import re
from functools import lru_cache

import altair as alt

from tco.charts.style import INK

Chart = alt.Chart | alt.LayerChart
PRINT_SCALE = 2.0
WIDTH, HEIGHT = 640, 300


def as_svg(chart: Chart, *, width: int = WIDTH, height: int = HEIGHT) -> str:
    """Draw a chart as SVG."""
    return _drawn(_specification(chart, width, height))


def as_png(chart: Chart, *, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """Draw a chart as PNG, at twice its size so that it stays sharp in print."""
    import vl_convert  # noqa: PLC0415 - takes a second, and only files need it

    drawn = as_svg(chart, width=width, height=height)
    return bytes(vl_convert.svg_to_png(drawn, scale=PRINT_SCALE))


@lru_cache(maxsize=64)
def _drawn(specification: str) -> str:
    """Draw once what several files show."""
    import vl_convert  # noqa: PLC0415 - takes a second, and only files need it

    drawn = str(vl_convert.vegalite_to_svg(specification))
    # The names of gradients and clips count up through a process; a picture has its own count.
    names = dict.fromkeys(re.findall(r"\b(?:gradient|clip)_?\d+\b", drawn))
    numbered = {name: f"part_{number}" for number, name in enumerate(names)}
    return re.sub(r"\b(?:gradient|clip)_?\d+\b", lambda found: numbered[found.group()], drawn)


def _specification(chart: Chart, width: int, height: int) -> str:
    sized = chart.properties(width=width, height=height).configure_view(stroke=None)
    written = sized.configure_axis(labelColor=INK, titleColor=INK).configure_title(anchor="start")
    return json.dumps(written.to_dict(validate=False))
