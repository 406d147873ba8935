"""Names of authors, as different listings write them."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final

APOSTROPHES: Final = str.maketrans(dict.fromkeys("\u2018\u2019\u02bb\u02bc\u2032\u00b4`", "'"))
HYPHENS: Final = str.maketrans(dict.fromkeys([*range(0x2010, 0x2016), 0x2212], "-"))
PLAIN: Final = str.maketrans({
    "ł": "l", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th",
})  # fmt: skip
"""Letters that Unicode does not take apart into a plain one and a mark."""
SUFFIXES: Final = frozenset({"jr", "sr", "ii", "iii", "iv"})


@lru_cache(maxsize=100_000)
def name_parts(name: str) -> tuple[str, ...]:
    """A name without accents, case, full stops and “Jr.”; ``Last, First`` is turned round."""
    signs = name.translate(APOSTROPHES | HYPHENS)
    plain = unicodedata.normalize("NFKD", signs).casefold().translate(PLAIN)
    kept = "".join(c for c in plain if c.isalnum() or c in " -',.")
    last, *others = kept.replace(".", " ").replace("-", " ").split(",")
    first = [other for other in others if other.strip() not in SUFFIXES]
    parts = tuple(" ".join([*first, last]).split())
    # After one name alone it is none: Ii is also a Japanese surname.
    return parts[:-1] if len(parts) > 2 and parts[-1] in SUFFIXES else parts


def same_person(one: str, other: str) -> bool:
    """Whether two spellings can be one name: equal last names, first names equal or initials."""
    a, b = name_parts(one), name_parts(other)
    if not a or not b or a[-1] != b[-1]:
        return False
    if len(a) == 1 or len(b) == 1:
        return a == b
    return a[0] == b[0] or (min(len(a[0]), len(b[0])) == 1 and a[0][0] == b[0][0])
