"""Analyse what a run has learned: the fixed points of its dynamics, the physics of its latents, the cell types that its embeddings of neurons tell, or how a network learned its task.

usage: neurodyn analyse RUN --fixed-points [--inputs zero,mean,period,condition] [--starts N] [--seed N] [--json]
       neurodyn analyse RUN --physics [--samples N] [--seed N] [--json]
       neurodyn analyse RUN --cell-types [--epochs N] [--seed N] [--json]
       neurodyn analyse RUN --gradients [--rule NAME] [--seed N] [--json]
       neurodyn analyse RUN --spectrum [--json]
       neurodyn analyse RUN --errors [--json]
       neurodyn analyse RUN --matched RUN ... [--levels E ...] [--json]
       neurodyn analyse RUN --similarity DATA [--measures NAME ...] [--lag-s S] [--json]
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from tyro.conf import Positional, arg

from neurodyn.cli._options import Flag, parse
from neurodyn.config import check_range
from neurodyn.errors import InvalidInput

if TYPE_CHECKING:
    from neurodyn.analysis.fixed_points import FixedPointAnalysis, InputResult
    from neurodyn.dynamics.physics import Physics


@dataclass(frozen=True)
class Options:
    """Analyse what a run has learned."""

    run: Positional[Path]
    """Folder of a run."""
    fixed_points: Flag = False
    """Look for fixed points from the states that the training trials visit; for models with dynamics."""
    physics: Flag = False
    """Look at modes, energies, landscape and information of latents that obey the Langevin equation, on the test trials; for langevin_flow in its default mode."""
    cell_types: Flag = False
    """Tell cell types from the embeddings of neurons; for neuprint. Classifiers are trained on the sessions that the run began with and tested on those that `neurodyn adapt` added."""
    gradients: Flag = False
    """Compare the gradient of the run's learning rule with the exact one at every kept step, on training trials; for runs with --train.checkpoint-steps."""
    spectrum: Flag = False
    """Eigenvalues of the recurrent weights before and after training, and how the weights changed; for task_rnn."""
    errors: Flag = False
    """Measure the run on its test trials at every kept step."""
    matched: tuple[Path, ...] = ()
    """Further runs of the same task: where each first reaches the same errors on the first run's test trials."""
    levels: tuple[float, ...] = ()
    """With --matched, the errors; by default eight that all runs reach."""
    similarity: str = ""
    """Data set with recorded condition averages: how alike to them the network is at every kept step, over lags, and beside what knows no condition."""
    measures: tuple[str, ...] = ("procrustes", "procrustes:without_mean")
    """With --similarity, names of measures, options after colons; :without_mean at the end takes the mean over conditions out first."""
    lag_s: float = 0.0
    """With --similarity, how much later the network is looked at than the recording, from the event that both are aligned to."""
    rule: str = ""
    """With --gradients, another rule than the run's, at the weights that the run's rule led to."""
    inputs: tuple[str, ...] = ("zero", "mean")
    """Constant inputs: zero, mean, period (the mean in each of the task's periods), condition (the mean over each condition's trials)."""
    starts: int = 1024
    """Visited states to start from, for each input."""
    samples: int = 4
    """Posterior samples of each trial, for the physics."""
    epochs: int | None = None
    """Of the search for the neurons' embeddings, with all else frozen; by default the model's."""
    seed: int = 0
    """Seed of the starts, of the posterior samples, and of the classifiers."""
    session: str = ""
    """Session whose trials are used; empty takes the first."""
    out: Annotated[Path | None, arg(aliases=["-o"])] = None
    """Folder for `fixed_points.h5`, `.json` and `.html`, `physics.json` and `.html`, and the other analyses' `.json`; empty takes `analysis` in the run's folder, where `neurodyn report` finds them."""
    json: Flag = False
    """One JSON object on stdout."""

    def __post_init__(self) -> None:
        check_range("starts", self.starts, 1)
        check_range("samples", self.samples, 1)
        check_range("seed", self.seed, 0)
        if self.epochs is not None:
            check_range("epochs", self.epochs, 1)


def run(arguments: Sequence[str]) -> None:
    """Analyses the run, writes the files and prints the tables."""
    from neurodyn.cli._analyse_task import errors, gradients, matched, similarity, spectrum

    options = parse(Options, arguments, "neurodyn analyse")
    analyses = {"--fixed-points": _fixed_points, "--physics": _physics, "--cell-types": _cell_types}
    analyses |= {"--gradients": gradients, "--spectrum": spectrum, "--errors": errors, "--matched": matched}
    analyses |= {"--similarity": similarity}
    asked = [name for name in analyses if getattr(options, name.strip("-").replace("-", "_"))]
    if len(asked) != 1:
        raise InvalidInput("analysis", " and ".join(asked) or "none", "one", f"Add one of {', '.join(analyses)}.")
    analyses[asked[0]](options)


def _cell_types(options: Options) -> None:
    from neurodyn import assessment
    from neurodyn.analysis.cell_types import classify_cell_types
    from neurodyn.analysis.fixed_points import KEPT
    from neurodyn.cli._console import console, print_json, print_scores, working
    from neurodyn.data.writing import folder_made, written_whole
    from neurodyn.estimator import Estimator
    from neurodyn.training.partition import groups

    estimator = Estimator.load(options.run)
    (first, _), *later = groups(estimator.data_, [s.name for s in estimator.model_.spec.sessions])
    if not later:
        fix = "Add sessions of other neurons first: neurodyn adapt RUN DATA."
        raise InvalidInput("run", "no session that joined it", "sessions to test on", fix)
    with working(f"Loading the data of {options.run} ..."):
        parts = assessment.parts_of(estimator)
    begun = [t for t in parts.train if t.session in first]
    joined = [t for t in parts.train if t.session not in first]
    train = {} if options.epochs is None else {"epochs": options.epochs}
    scores = classify_cell_types(estimator, begun, joined, train=train, seed=options.seed)
    written = {"run": str(options.run), "seed": options.seed, "scores": [score.as_mapping() for score in scores]}
    folder = options.out or (options.run / KEPT).parent
    with folder_made(folder), written_whole(folder / "cell_types.json") as beside:
        beside.write_text(json.dumps(written, indent=2, allow_nan=False))
    if options.json:
        print_json(written)
        return
    print_scores(scores, f"Cell types of {options.run}")
    console().print(f"scores: {folder / 'cell_types.json'}", highlight=False, soft_wrap=True)


def _fixed_points(options: Options) -> None:
    from neurodyn import assessment
    from neurodyn.analysis.fixed_points import KEPT, analyse_fixed_points
    from neurodyn.cli._console import console, print_json, working
    from neurodyn.data.writing import folder_made
    from neurodyn.estimator import Estimator

    choices = [choice for word in options.inputs for choice in word.split(",") if choice]
    estimator = Estimator.load(options.run)
    with working(f"Looking for the fixed points of {options.run} ..."):
        trials = _session(assessment.parts_of(estimator).train, options.session)
        found = analyse_fixed_points(
            estimator.model_, trials, choices, starts=options.starts, seed=options.seed
        )  # fmt: skip
    folder = options.out or (options.run / KEPT).parent
    with folder_made(folder):
        written = {"run": str(options.run), "starts": options.starts, "seed": options.seed, **found.as_mapping()}
        _write(found, written, folder)
    if options.json:
        print_json(written)
        return
    for result in found.results:
        _print(result, found)
    for choice, why in found.left_out.items():
        console().print(f"{choice} was left out: {why}.", highlight=False, soft_wrap=True)
    console().print(f"figures: {folder / KEPT.with_suffix('.html').name}", highlight=False, soft_wrap=True)


def _physics(options: Options) -> None:
    from neurodyn import assessment
    from neurodyn.analysis.fixed_points import KEPT
    from neurodyn.analysis.langevin import langevin_physics
    from neurodyn.cli._console import console, print_json, working
    from neurodyn.data.writing import folder_made, written_whole
    from neurodyn.estimator import Estimator
    from neurodyn.reporting.langevin import Langevin, physics_html
    from neurodyn.reporting.page import document
    from neurodyn.reporting.plot import to_json

    estimator = Estimator.load(options.run)
    with working(f"Looking at the physics of {options.run} ..."):
        trials = _session(assessment.parts_of(estimator).test or [], options.session)
        found = langevin_physics(estimator.model_, trials, samples=options.samples, seed=options.seed)
    written = {"run": str(options.run), "seed": options.seed, **found.as_mapping()}
    section = {"name": Langevin.name, "title": Langevin.title, "lead": Langevin.lead, "html": physics_html(found)}
    folder = options.out or (options.run / KEPT).parent
    with folder_made(folder):
        with written_whole(folder / "physics.json") as beside:
            beside.write_text(to_json(written))
        with written_whole(folder / "physics.html") as beside:
            beside.write_text(document(f"Physics of {options.run}", "", [section]), encoding="utf-8")
    if options.json:
        print_json(written)
        return
    _print_physics(found)
    console().print(f"figures: {folder / 'physics.html'}", highlight=False, soft_wrap=True)


def _session(sessions: Sequence[Any], name: str) -> Any:
    if not name:
        return sessions[0]
    for each in sessions:
        if each.session == name:
            return each
    raise InvalidInput("--session", repr(name), f"one of {', '.join(each.session for each in sessions)}")


def _write(found: FixedPointAnalysis, written: dict[str, Any], folder: Path) -> None:
    """`fixed_points.h5`, `.json` and `.html`."""
    from neurodyn.analysis.fixed_points import KEPT
    from neurodyn.data.writing import written_whole
    from neurodyn.reporting.fixed_points import FixedPoints
    from neurodyn.reporting.page import document
    from neurodyn.reporting.phase_portrait import phase_portrait

    target = folder / KEPT.name
    section = {"name": FixedPoints.name, "title": FixedPoints.title, "lead": FixedPoints.lead}
    html = "".join(phase_portrait(portrait) for portrait in found.portraits)
    page = document(f"Fixed points of {written['run']}", "", [section | {"html": html}])
    with written_whole(target.with_suffix(".json")) as beside:
        beside.write_text(json.dumps(written, indent=2, allow_nan=False))
    with written_whole(target.with_suffix(".html")) as beside:
        beside.write_text(page, encoding="utf-8")
    found.write(target)


_LEADING = 3
"""Eigenvalues and coordinates of which the table shows the first ones."""


def _print(result: InputResult, analysis: FixedPointAnalysis) -> None:
    """One input's fixed points."""
    from rich.table import Table

    from neurodyn.cli._console import console

    points, compared = result.found, result.match
    times = 1000 * points.time_constants_s(analysis.bin_s)
    turns = points.rotations_hz(analysis.bin_s)
    slow = 0 if points.slow is None else len(points.slow)
    note = f"{slow} slow; {int((~result.visited).sum())} unvisited"
    if compared is not None and result.truth is not None:
        note = (
            f"{len(compared.pairs)} of {len(result.truth.points)} true points found, {len(compared.false)} false, "
            f"{len(compared.missed)} missed; {note}; R² of the map to the true latents {analysis.map_r2:.3f}"
        )
    table = Table(title=f"{result.given.label}", title_justify="left", caption=note, caption_justify="left")
    for heading in ("kind", "unstable", "factors"):
        table.add_column(heading)
    if result.mapped is not None:
        table.add_column("true coordinates")
    for heading in ("time constants (ms)", "turns (Hz)", "starts"):
        table.add_column(heading, justify="right")
    table.add_column("")
    pairs = set() if compared is None else set(compared.pairs[:, 0].tolist())
    for i, kind in enumerate(points.kind):
        mapped = [] if result.mapped is None else [_numbers(result.mapped[i], "{:.3f}")]
        verdict = (
            "unvisited" if not result.visited[i] else "" if compared is None else "true" if i in pairs else "false"
        )
        table.add_row(
            kind,
            str(points.unstable[i]),
            _numbers(result.latents[i], "{:.3g}"),
            *mapped,
            _numbers(times[i], "{:.0f}"),
            _numbers(turns[i], "{:.2g}"),
            str(points.reached[i]),
            verdict,
        )
    console().print(table)


_LEADING_MODES = 8


def _print_physics(found: Physics) -> None:
    """The modes that carry most variance, and the means of energies and information."""
    from rich.table import Table

    from neurodyn.cli._console import console

    modes, energies, kl = found.modes[0], found.energies, found.information
    means = [f"{name} {float(np.nanmean(values)):.3g}" for name, values in energies.mean.items()]
    parts = [f"{name} {float(values.mean()):.3g}" for name, values in kl.parts.items()]
    note = (
        f"energy in units of the temperature: {', '.join(means)}; mean squared velocity {energies.kinetic_ratio.mean():.3g} times that of equilibrium; "
        f"KL in nats a trial: {', '.join(parts)}"
    )
    table = Table(title="Modes that carry most variance", title_justify="left", caption=note, caption_justify="left")
    table.add_column("damping")
    for heading in ("frequency (Hz)", "undamped (Hz)", "damping ratio", "decay (ms)", "share of variance"):
        table.add_column(heading, justify="right")
    for i in range(min(len(modes), _LEADING_MODES)):
        values = modes.frequency_hz[i], modes.undamped_hz[i], modes.damping_ratio[i], 1000 * modes.decay_s[i]
        table.add_row(modes.regime[i], *(f"{value:.3g}" for value in values), f"{modes.share[i]:.1%}")
    console().print(table)


def _numbers(values: Any, form: str) -> str:
    shown = " ".join(form.format(value) for value in values[:_LEADING])
    return f"{shown} ..." if len(values) > _LEADING else shown
