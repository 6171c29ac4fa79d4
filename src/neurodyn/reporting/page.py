"""The report: one HTML file that holds everything it shows."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

import neurodyn
from neurodyn.data.writing import written_whole
from neurodyn.errors import InvalidInput
from neurodyn.reporting.alignment import Alignment
from neurodyn.reporting.base import Section, table
from neurodyn.reporting.behaviour import Behaviour
from neurodyn.reporting.calibration import Calibration
from neurodyn.reporting.conditions import Conditions
from neurodyn.reporting.diagnosis import Diagnosis
from neurodyn.reporting.dynamics import Dynamics
from neurodyn.reporting.errors_over_training import ErrorsOverTraining
from neurodyn.reporting.fixed_points import FixedPoints
from neurodyn.reporting.gradient_alignment import GradientAlignment
from neurodyn.reporting.inputs import Inputs
from neurodyn.reporting.langevin import Langevin
from neurodyn.reporting.latents import Latents
from neurodyn.reporting.learning_curves import LearningCurves
from neurodyn.reporting.rasters import Rasters
from neurodyn.reporting.rates import Rates
from neurodyn.reporting.recurrent_spectrum import RecurrentSpectrum
from neurodyn.reporting.reproduce import Reproduce
from neurodyn.reporting.scores import Scores
from neurodyn.reporting.similarity_over_training import SimilarityOverTraining
from neurodyn.reporting.subject import Subject
from neurodyn.reporting.task_outputs import TaskOutputs
from neurodyn.reporting.trajectories import Trajectories
from neurodyn.reporting.unit_activity import UnitActivity

SECTIONS: tuple[Section, ...] = (
    Scores(),
    Alignment(),
    Diagnosis(),
    LearningCurves(),
    ErrorsOverTraining(),
    TaskOutputs(),
    Rasters(),
    Rates(),
    Calibration(),
    Conditions(),
    UnitActivity(),
    Latents(),
    Trajectories(),
    Inputs(),
    Langevin(),
    FixedPoints(),
    Dynamics(),
    RecurrentSpectrum(),
    GradientAlignment(),
    SimilarityOverTraining(),
    Behaviour(),
    Reproduce(),
)
"""In the order of the page: the answer, then whether to believe it, then what it looks like."""
_HERE = Path(__file__).parent


def write(subjects: Sequence[Subject], path: str | Path) -> Path:
    """Writes the report of one or more subjects and returns its path.

    Args:
        subjects: fitted models with their trials; names must differ.
        path: of the HTML file; its folder is made if needed. The file is replaced at once or not at all.

    Raises:
        InvalidInput: no subject, or two of the same name.
    """
    if not subjects:
        raise InvalidInput("subjects", "none", "at least one fitted model")
    names = [s.name for s in subjects]
    if len(set(names)) < len(names):
        raise InvalidInput("subjects", names, "a different name for each subject")
    page = render(subjects)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as beside:
        beside.write_text(page, encoding="utf-8")
    return path


def render(subjects: Sequence[Subject]) -> str:
    """The page as text."""
    sections = []
    for section in SECTIONS:
        shown = [s for s in subjects if section.applies(s)]
        if shown:
            html = section.compare(shown) if len(subjects) > 1 else section.html(shown[0])
            sections.append({"name": section.name, "title": section.title, "lead": section.lead, "html": html})
    return document(_title(subjects), _summary(subjects), sections)


def document(title: str, summary: str, sections: Sequence[Mapping[str, str]]) -> str:
    """A page that holds everything it shows.

    Args:
        title: plain text.
        summary: HTML above the sections.
        sections: each with `name` (its anchor), `title` and `lead` (plain text), and `html`.
    """
    import jinja2
    import plotly.offline

    template = jinja2.Environment(autoescape=True).from_string((_HERE / "page.html.jinja").read_text(encoding="utf-8"))
    return template.render(
        title=title,
        version=neurodyn.__version__,
        date=f"{datetime.date.today():%d %B %Y}",
        summary=summary,
        sections=sections,
        css=(_HERE / "page.css").read_text(encoding="utf-8"),
        script=(_HERE / "page.js").read_text(encoding="utf-8"),
        plotly=plotly.offline.get_plotlyjs(),
    )


def _title(subjects: Sequence[Subject]) -> str:
    data = list(dict.fromkeys(s.test.name for s in subjects))
    models = " and ".join(s.name for s in subjects) if len(subjects) < 4 else f"{len(subjects)} models"
    return f"{models} on {' and '.join(data)}"


def _summary(subjects: Sequence[Subject]) -> str:
    """One row a subject: the data, in numbers."""
    head = ["Model", "Data", "Trials (train / valid / test)", "Units (held out)", "Window", "Bins", "Seed"]
    rows = []
    for s in subjects:
        test = s.test
        counts = " / ".join(str(len(s.trials[k])) if k in s.trials else "–" for k in ("train", "valid", "test"))
        held = f"{test.units} ({len(test.heldout)})" if test.units else "–"
        forward = f", of which {test.forward} predicted ahead" if test.forward else ""
        rows.append(
            [
                *(escape(s.name), escape(test.name), counts, held, f"{test.bins * test.bin_s:.3g} s"),
                *(f"{test.bins} × {test.bin_s * 1000:g} ms{forward}", escape(str(s.config.get("seed", "–")))),
            ]
        )
    return table(head, rows, "summary")
