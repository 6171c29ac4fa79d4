"""Fixed points and flow fields of runs whose dynamics have been analysed."""

from __future__ import annotations

from html import escape

from neurodyn.reporting.phase_portrait import phase_portrait
from neurodyn.reporting.study.base import StudySection, StudySubject


class FlowFields(StudySection):
    """One phase portrait for each constant input of an analysed run."""

    name = "flow_fields"
    title = "Fixed points and flow"
    lead = (
        "Where the learned dynamics come to rest, beside where the true ones do. Of arms that are given the true input, where a constant input means "
        "the same to both, the median run; and every run that neurodyn analyse was given."
    )

    def html(self, study: StudySubject) -> str:
        """The portraits of every arm that has some."""
        return "".join(
            f'<h3 class="subject">{escape(arm.path)}, seed {seed}</h3>{"".join(map(phase_portrait, portraits))}'
            for arm in study.arms
            for seed, portraits in arm.portraits.items()
            if portraits
        )
