"""The look of the report: type, tables and pictures that all its pages share."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from io import BytesIO
from pathlib import Path
from xml.sax.saxutils import escape

import reportlab
from reportlab import rl_config
from reportlab.lib import colors
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, Image, KeepInFrame, Paragraph, Table, TableStyle

from tco.charts.picture import Chart, as_png

# Pictures as plain bytes: text that holds them takes longer to write than the page itself.
rl_config.useA85 = 0

WIDTH, HEIGHT = A4
MARGIN = 16 * mm
PADDING = 6.0
"""What the library leaves free inside the margins, on each side [points]."""
TEXT_WIDTH = WIDTH - 2 * MARGIN
INK, QUIET, HEAD, PALE = (colors.HexColor(c) for c in ("#111111", "#555555", "#1E3A5F", "#EEF4FB"))
REGULAR, BOLD = "Vera", "VeraBd"
POINTS_A_PIXEL = 0.75
LONGEST_CELL = 90


@cache
def fonts() -> tuple[str, str]:
    """Register the type that comes with the library: it has the euro and most of Europe."""
    folder = Path(reportlab.__file__).parent / "fonts"
    for name in (REGULAR, BOLD):
        pdfmetrics.registerFont(TTFont(name, str(folder / f"{name}.ttf")))
    pdfmetrics.registerFontFamily(REGULAR, normal=REGULAR, bold=BOLD, italic=REGULAR)
    return REGULAR, BOLD


def style(
    size: float, *, bold: bool = False, quiet: bool = False, right: bool = False
) -> ParagraphStyle:
    """Return a style of type."""
    regular, heavy = fonts()
    return ParagraphStyle(
        f"{size}-{bold}-{quiet}-{right}",
        fontName=heavy if bold else regular,
        fontSize=size,
        leading=size * 1.3,
        textColor=QUIET if quiet else INK,
        spaceAfter=size * 0.3,
        alignment=TA_RIGHT if right else 0,
    )


def words(text: str, size: float = 8.5, *, bold: bool = False, quiet: bool = False) -> Paragraph:
    """Set text; what a person typed stays text."""
    return Paragraph(escape(text), style(size, bold=bold, quiet=quiet))


def heading(text: str) -> Paragraph:
    """Set a heading."""
    return words(text, 11, bold=True)


def and_more(left: int, what: str, where: str = "") -> list[Flowable]:
    """Say how many were left out of a list, if any were, and where they stand."""
    if left <= 0:
        return []
    return [words(f"and {left} more {what}{'s' if left > 1 else ''}{where}", 7, quiet=True)]


def table(
    titles: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    widths: Sequence[float],
    size: float = 7,
) -> Table:
    """Set a table: the first column is text, the others are figures; titles repeat on each page."""

    def cell(text: str, column: int, *, bold: bool = False) -> Paragraph:
        return Paragraph(escape(text), style(size, bold=bold, right=column > 0))

    head = ParagraphStyle(
        "head", parent=style(size, bold=True), textColor=colors.white, embeddedHyphenation=1
    )
    right = ParagraphStyle("head-right", parent=head, alignment=TA_RIGHT)
    data = [[Paragraph(escape(t), right if n else head) for n, t in enumerate(titles)]]
    data += [[cell(text, n) for n, text in enumerate(row)] for row in rows]
    whole = sum(widths)
    made = Table(data, colWidths=[TEXT_WIDTH * width / whole for width in widths], repeatRows=1)
    made.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, 0), HEAD),
                ("ROWBACKGROUNDS", (0, 1), (-1, -1), [colors.white, PALE]),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("TOPPADDING", (0, 0), (-1, -1), 1.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
                ("LEFTPADDING", (0, 0), (-1, -1), 3),
                ("RIGHTPADDING", (0, 0), (-1, -1), 3),
            ]
        )
    )
    return made


def one_page(story: Sequence[Flowable]) -> Flowable:
    """Keep a page's content on one page: what would run over is set a little smaller."""
    return KeepInFrame(TEXT_WIDTH, HEIGHT - 2 * MARGIN, list(story), mode="shrink", vAlign="TOP")


def cards(figures: Sequence[tuple[str, str, str]]) -> Table:
    """Set a row of cards: name, figure, what it means."""
    data = [
        [words(name, 7.5, quiet=True) for name, _, _ in figures],
        [words(figure, 13, bold=True) for _, figure, _ in figures],
        [words(note, 7, quiet=True) for _, _, note in figures],
    ]
    made = Table(data, colWidths=[TEXT_WIDTH / len(figures)] * len(figures))
    made.setStyle(
        TableStyle(
            [("BOX", (n, 0), (n, -1), 0.6, colors.HexColor("#BBBBBB")) for n in range(len(figures))]
            + [("VALIGN", (0, 0), (-1, -1), "TOP"), ("BOTTOMPADDING", (0, 0), (-1, -1), 1)]
        )
    )
    return made


def picture(chart: Chart, *, width: int = 620, height: int = 210) -> Flowable:
    """Set a chart as wide as the text."""
    image = Image(BytesIO(as_png(chart, width=width, height=height)))
    factor = min(TEXT_WIDTH / image.imageWidth, POINTS_A_PIXEL)
    image.drawWidth, image.drawHeight = image.imageWidth * factor, image.imageHeight * factor
    return image


def usd(value: float | None) -> str:
    """Write money for a page, and say so where nobody knows it.

    >>> usd(1234.5), usd(None), usd(-3.0)
    ('1,234', 'not known', '-3')
    """
    return "not known" if value is None else f"{value:,.0f}"


def unit_usd(value: float) -> str:
    """Write a price of a unit with the digits that tell."""
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"  # noqa: PLR2004 - where cents stop to matter
