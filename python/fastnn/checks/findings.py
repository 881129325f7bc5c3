"""What a check has found."""

from __future__ import annotations

from dataclasses import dataclass

from fastnn.html import notebook
from fastnn.html.markup import tag


@dataclass(frozen=True)
class Finding:
    """One mistake: the rule's name, and what is wrong and what to do."""

    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.message}"


class Findings(list[Finding]):
    """What :func:`fastnn.check` found; printed a line each."""

    def __str__(self) -> str:
        return "\n".join(map(str, self)) or "nothing wrong was found"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = [(tag("b", finding.rule), finding.message) for finding in self]
        return notebook.cell(notebook.table(("Rule", "What is wrong, and what to do"), rows, 2) if rows else str(self))
