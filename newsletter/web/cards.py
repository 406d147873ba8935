"""The picture that other sites show beside a link: name, title, date; 1200 x 630 pixels.

Pillow's own font is used, so that no font file is needed.
"""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Final

from PIL import Image, ImageDraw, ImageFont

SIZE: Final = (1200, 630)
MARGIN: Final = 72
PAPER, INK, SOFT, ACCENT = "#faf7f0", "#1d1b18", "#5c564c", "#a8281c"
NAME_SIZE, TITLE_SIZE, DATE_SIZE = 46, 64, 40
TITLE_LINES: Final = 4
KEPT_CARDS: Final = 64


@lru_cache(maxsize=KEPT_CARDS)
def draw(name: str, title: str, date: str) -> bytes:
    """Return a PNG with the name of the site, a title in large letters, and a date."""
    image = Image.new("RGB", SIZE, PAPER)
    pen = ImageDraw.Draw(image)
    width = SIZE[0] - 2 * MARGIN
    pen.text((MARGIN, MARGIN), name, fill=INK, font=_font(NAME_SIZE))
    for offset in (0, 6):
        y = MARGIN + NAME_SIZE + 24 + offset
        pen.line((MARGIN, y, MARGIN + width, y), fill=INK, width=2)
    y = MARGIN + NAME_SIZE + 70
    for line in _lines(title, width):
        pen.text((MARGIN, y), line, fill=INK, font=_font(TITLE_SIZE))
        y += TITLE_SIZE * 5 // 4
    pen.rectangle((0, SIZE[1] - 16, SIZE[0], SIZE[1]), fill=ACCENT)
    pen.text((MARGIN, SIZE[1] - MARGIN - DATE_SIZE), date, fill=SOFT, font=_font(DATE_SIZE))
    written = io.BytesIO()
    image.quantize(64).save(written, "PNG", optimize=True)
    return written.getvalue()


def _lines(text: str, width: int) -> list[str]:
    """Return a text in lines that are not wider than ``width`` pixels, the last one cut."""
    font, lines = _font(TITLE_SIZE), [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width:
            lines[-1] = longer
        elif lines[-1]:
            lines.append(word)
        else:
            lines[-1] = word
    if len(lines) > TITLE_LINES:
        lines = [*lines[: TITLE_LINES - 1], f"{lines[TITLE_LINES - 1]} …"]
    return lines


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
