"""What `neurodyn analyse` asks of learned dynamics: how deviations and pulses propagate, and where the model goes by itself."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurodyn.cli._analysed import session_of

if TYPE_CHECKING:
    from neurodyn.cli.analyse import Options


def residuals(options: Options) -> dict[str, Any]:
    """How deviations from the average propagate: in the data, in samples of the model, by its Jacobian, and in truth."""
    return _answer(options, "residual_comparison.compare_residuals", "residual_dynamics.residual_dynamics_html")


def perturb(options: Options) -> dict[str, Any]:
    """What pulses do to the true system, and what the model predicts."""
    return _answer(options, "perturbation.pulse_responses", "perturbation.perturbation_html")


def free_run(options: Options) -> dict[str, Any]:
    """Long runs without data."""
    return _answer(options, "free_run.free_runs", "free_run.free_run_html")


def noise_response(options: Options) -> dict[str, Any]:
    """Where the model comes to rest after noise of several sizes."""
    return _answer(options, "noise_response.noise_responses")


def twins(options: Options) -> dict[str, Any]:
    """The model beside every circuit that makes the same spikes."""
    return _answer(options, "twins.twin_comparison")


def messages(options: Options) -> dict[str, Any]:
    """What is lost without the messages between areas."""
    return _answer(options, "message_ablation.message_ablation")


def _answer(options: Options, question: str, figure: str = "") -> dict[str, Any]:
    """Asks a question of the run's dynamics, writes `.json` and `.html` named after it, and prints its table unless JSON was asked for.

    Without a figure the page shows the table.
    """
    from neurodyn import assessment
    from neurodyn.analysis.learned_dynamics import LearnedDynamics
    from neurodyn.cli._console import console, working
    from neurodyn.data.writing import folder_made, written_whole
    from neurodyn.estimator import Estimator
    from neurodyn.reporting.page import document
    from neurodyn.training.answers import FOLDER, Answer

    estimator = Estimator.load(options.run)
    with working(f"Looking at the dynamics of {options.run} ..."):
        parts = assessment.parts_of(estimator)
        train, valid, test = (
            session_of(each, options.session) for each in (parts.train, parts.valid, parts.test or [])
        )
        learned = LearnedDynamics.of(estimator.model_, train, valid, test, options.seed)
        found = _of(f"neurodyn.analysis.{question}")(learned)
    name = question.split(".")[0]
    title, headings, rows, note = found.table()
    written = {"run": str(options.run), "seed": options.seed, **found.as_mapping()}
    answer = Answer.of_table(name, test.session, title, headings, rows, note)
    if figure:
        answer = Answer(name, test.session, title, _of(f"neurodyn.reporting.{figure}")(found))
    section = {"name": name, "title": title, "lead": "", "html": answer.html}
    folder: Path = options.out or options.run / FOLDER
    with folder_made(folder):
        with written_whole(folder / f"{name}.json") as beside:
            beside.write_text(json.dumps(written, indent=2, allow_nan=False))
        with written_whole(folder / f"{name}.html") as beside:
            beside.write_text(document(f"{title} of {options.run}", "", [section]), encoding="utf-8")
        answer.write(folder)
    if not options.json:
        from rich.markup import escape
        from rich.table import Table

        table = Table(title=title, title_justify="left", caption=escape(note), caption_justify="left")
        for heading in headings:
            table.add_column(heading, overflow="fold")
        for row in rows:
            table.add_row(*map(escape, row))
        console().print(table)
        console().print(f"figures: {folder / name}.html", highlight=False, soft_wrap=True)
    return written


def _of(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)
