"""The colours of the site for the admin: an accent and the tones of paper, from light to dark.

The steps are those of Tailwind. Texts of the admin on its grounds keep a contrast of 4.5 (WCAG 2.2,
1.4.3): step 500 and darker on white, step 400 and lighter on step 900.
"""

from __future__ import annotations

from typing import Final

_STEPS: Final = (*("50", "100", "200", "300", "400", "500", "600", "700", "800", "900", "950"),)


def _palette(colours: str) -> dict[str, str]:
    return dict(zip(_STEPS, colours.split(), strict=True))


ACCENT: Final = _palette(
    "#fdf5f2 #f6e7dd #f2cdc0 #f5ab98 #ff9179 #c53f30 #a8281c #8c2015 #701b13 #541610 #2a0d07"
)
PAPER: Final = _palette(
    "#faf7f0 #f3eee3 #e4dccc #d8d0c0 #aca598 #736b5e #5c564c #4a4d51 #373a3e #1e2125 #16181b"
)
