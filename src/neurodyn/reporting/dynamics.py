"""How deviations and pulses propagate and where the model goes by itself, where `neurodyn analyse` has been asked."""

from __future__ import annotations

from html import escape

from neurodyn.reporting.base import Section
from neurodyn.reporting.subject import Subject


class Dynamics(Section):
    """Every answer that the run's folder holds, one under the other."""

    name = "dynamics"
    title = "What was learned of the dynamics"
    lead = "Models that predict the same activity may move by different rules. What happens to deviations, to pulses, and without data?"

    def applies(self, subject: Subject) -> bool:
        """Whether anything was asked."""
        return bool(subject.answers)

    def html(self, subject: Subject) -> str:
        """The answers with their titles."""
        return "".join(f'<h3 class="subject">{escape(each.title)}</h3>{each.html}' for each in subject.answers)
