"""Names of authors, as different listings write them."""

from __future__ import annotations

import unicodedata
from functools import lru_cache


@lru_cache(maxsize=100_000)
def name_parts(name: str) -> tuple[str, ...]:
    """A name without accents, case and full stops; ``Last, First`` is turned round."""
    last, comma, first = name.partition(",")
    plain = unicodedata.normalize("NFKD", f"{first} {last}" if comma else name)
    kept = "".join(c for c in plain.casefold() if c.isalnum() or c in " -'" or c == ".")
    return tuple(kept.replace(".", " ").replace("-", " ").split())


def same_person(one: str, other: str) -> bool:
    """Whether two spellings can be one name: equal last names, first names equal or initials."""
    a, b = name_parts(one), name_parts(other)
    if not a or not b or a[-1] != b[-1]:
        return False
    if len(a) == 1 or len(b) == 1:
        return a == b
    return a[0] == b[0] or (min(len(a[0]), len(b[0])) == 1 and a[0][0] == b[0][0])
