"""Fixed points and flow fields, where `neurodyn analyse --fixed-points` has been run."""

from __future__ import annotations

from neurodyn.reporting.base import Section
from neurodyn.reporting.phase_portrait import phase_portrait
from neurodyn.reporting.subject import Subject


class FixedPoints(Section):
    """One phase portrait for each constant input."""

    name = "fixed_points"
    title = "Fixed points and flow"
    lead = (
        "Where the learned dynamics come to rest under a constant input, and how the state moves around these points."
    )

    def applies(self, subject: Subject) -> bool:
        """Whether the dynamics have been analysed."""
        return bool(subject.portraits)

    def html(self, subject: Subject) -> str:
        """The portraits one under the other."""
        return "".join(phase_portrait(portrait) for portrait in subject.portraits)
