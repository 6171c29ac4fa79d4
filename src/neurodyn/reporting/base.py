"""What every section of the report is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from html import escape
from typing import ClassVar

from neurodyn.reporting.subject import Subject


class Section(ABC):
    """One section of the page. One file each."""

    name: ClassVar[str]
    """Anchor in the page."""
    title: ClassVar[str]
    """Heading."""
    lead: ClassVar[str] = ""
    """One or two sentences under the heading, plain text: the question the section answers."""

    @abstractmethod
    def applies(self, subject: Subject) -> bool:
        """Whether the subject holds what the section shows."""

    @abstractmethod
    def html(self, subject: Subject) -> str:
        """The section for one subject."""

    def compare(self, subjects: Sequence[Subject]) -> str:
        """The section for the subjects it applies to: one under the other, unless a section can lay them side by side."""
        if len(subjects) == 1:
            return self.html(subjects[0])
        return "".join(f'<h3 class="subject">{escape(s.name)}</h3>{self.html(s)}' for s in subjects)


def trials_of(subject: Subject, split: str = "test") -> str:
    """`n = 40 test trials`, for captions."""
    n = len(subject.trials[split])
    return f"<i>n</i> = {n} {split} trial{'' if n == 1 else 's'}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], kind: str = "") -> str:
    """A table of cells that are HTML already."""
    top = "".join(f"<th>{cell}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table class="{kind}"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
