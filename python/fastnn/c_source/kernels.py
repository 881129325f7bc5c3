"""The texts of ``kernels.c``, each with what it needs."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"\bnn_\w+")
_DEFINED = re.compile(r"^(?:static .*?\b(nn_\w+)\(|} (nn_\w+);)", re.MULTILINE)


@cache
def definitions() -> dict[str, str]:
    """All of them, by their names, in their order."""
    found = {}
    for text in files(__package__).joinpath("kernels.c").read_text("utf-8").strip().split("\n\n")[1:]:
        for names in _DEFINED.findall(text):
            found[names[0] or names[1]] = text
    return found


def needed(text: str) -> list[str]:
    """The definitions of all names that a text has, and of those that these have, each before its first use."""
    known = definitions()
    names = set(_NAME.findall(text)) & known.keys()
    while more := {name for each in names for name in _NAME.findall(known[each])} & known.keys() - names:
        names |= more
    return [known[name] for name in known if name in names]
