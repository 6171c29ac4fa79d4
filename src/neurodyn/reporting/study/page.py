"""The page about a study: one HTML file that holds everything it shows."""

from __future__ import annotations

from html import escape
from pathlib import Path

from neurodyn.data.writing import written_whole
from neurodyn.reporting.base import table
from neurodyn.reporting.page import document
from neurodyn.reporting.study.alignment import ReportCards
from neurodyn.reporting.study.base import DAGGER, StudySection, StudySubject
from neurodyn.reporting.study.comparison import Comparison
from neurodyn.reporting.study.correlations import Correlations
from neurodyn.reporting.study.dynamics import Dynamics
from neurodyn.reporting.study.flow_fields import FlowFields
from neurodyn.reporting.study.inputs import StudyInputs
from neurodyn.reporting.study.learning import Learning
from neurodyn.reporting.study.paired import PairedDifferences
from neurodyn.reporting.study.reading import Reading
from neurodyn.reporting.study.similarity import Similarity
from neurodyn.reporting.study.spread import Spread

SECTIONS: tuple[StudySection, ...] = (
    Reading(),
    Learning(),
    Similarity(),
    Dynamics(),
    PairedDifferences(),
    ReportCards(),
    Comparison(),
    Spread(),
    StudyInputs(),
    Correlations(),
    FlowFields(),
)
"""In the order of the page: the answer, the numbers, then what they look like."""


def write(study: StudySubject, path: Path) -> Path:
    """Writes the page and returns its path; the file is replaced at once or not at all."""
    page = render(study)
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as beside:
        beside.write_text(page, encoding="utf-8")
    return path


def render(study: StudySubject) -> str:
    """The page as text."""
    shown = [(section, section.html(study)) for section in SECTIONS]
    sections = [{"name": s.name, "title": s.title, "lead": s.lead, "html": html} for s, html in shown if html]
    return document(f"Study {study.name}", _summary(study), sections)


def _summary(study: StudySubject) -> str:
    """One row an arm: what was run on what."""
    rows = []
    for arm in study.arms:
        context = arm.scores[0].context if arm.scores else {}
        setting = context.get("setting", {})
        counts = [str(setting.get(name) or "–") for name in ("train_trials", "test_trials", "units")]
        cells = [
            f"{arm.path} {arm.mark}".rstrip(),
            context.get("model", "–"),
            context.get("data", "–"),
            *counts,
            context.get("runs", "–"),
        ]
        rows.append([escape(str(cell)) for cell in (*cells, ", ".join(context.get("quick", ())) or "nothing")])
    head = ["Arm", "Model", "Data", "Training trials", "Test trials", "Units", "Runs", "Changed by --quick"]
    left_out = ""
    if study.left_out:
        left_out = f'<p class="caption">Left out of --quick: {escape(", ".join(study.left_out))}.</p>'
    if study.without_data:
        left_out += f'<p class="caption">Left out for want of data: {escape(", ".join(study.without_data))}.</p>'
    return table(head, rows, "summary") + left_out + _given_behaviour(study)


def _given_behaviour(study: StudySubject) -> str:
    """What the dagger means, where an arm has one."""
    if not any(arm.privileged for arm in study.arms):
        return ""
    what = f"{DAGGER} Scored with the behaviour of the test trials: a reference, not deployable where behaviour is not recorded."
    return f'<p class="caption">{what}</p>'
