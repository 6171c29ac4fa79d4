"""What `neurodyn analyse` says of how a network learned its task."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurodyn.errors import InvalidInput

if TYPE_CHECKING:
    from rich.table import Table

    from neurodyn.cli.analyse import Options
    from neurodyn.data.trials import Trials

_MOST_ROWS = 12
"""Kept steps that a table shows; `--json` has them all."""


def gradients(options: Options) -> dict[str, Any]:
    """Angles between the rule's gradient and the exact one."""
    from neurodyn.analysis.gradient_alignment import gradient_alignment
    from neurodyn.training.kept import GradientAlignment
    from neurodyn.training.run import Run

    trials = _trials(options, "train")
    found = gradient_alignment(Run.open(options.run), trials, rule=options.rule or None, seed=options.seed)
    name = GradientAlignment.FILE.name.replace(".json", f"_{options.rule}.json" if options.rule else ".json")
    title = f"Degrees between the gradients of {found.rule} and of BPTT, {found.trials} trials"
    table = _table(["step", *found.blocks])
    for row in _some(len(found.steps)):
        table.add_row(str(found.steps[row]), *(f"{value:.3g}" for value in found.angle_deg[row]))
    return _say(options, name, found.as_mapping(), title, table)


def spectrum(options: Options) -> dict[str, Any]:
    """Eigenvalues before and after training."""
    from neurodyn.analysis.weight_change import weight_change
    from neurodyn.training.run import Run

    found = weight_change(Run.open(options.run))
    if found is None:
        raise InvalidInput("run", str(options.run), "a run of a model with recurrent weights: task_rnn")
    table = _table(["", "before", "after"])
    table.add_row("spectral radius", f"{abs(found.before[0]):.4g}", f"{abs(found.after[0]):.4g}")
    table.add_row("largest real part", f"{found.before.real.max():.4g}", f"{found.after.real.max():.4g}")
    note = (
        f"change: norm {found.norm_ratio:.3g} times that of the weights before, effective rank {found.effective_rank:.1f} of {len(found.change)}; "
        f"cosine of the weights before and after {found.cosine:.4f}"
    )
    return _say(options, "recurrent_spectrum.json", found.as_mapping(), "Recurrent weights", table, note)


def errors(options: Options) -> dict[str, Any]:
    """Measures at every kept step."""
    from neurodyn.analysis.errors_over_training import errors_over_training
    from neurodyn.training.kept import ErrorsOverTraining
    from neurodyn.training.run import Run

    found = errors_over_training(Run.open(options.run), _trials(options, "test"))
    what = "test trials" if found.held_out else "trials, the same as in training"
    table = _table(["step", *found.values])
    for row in _some(len(found.steps)):
        table.add_row(str(found.steps[row]), *(f"{values[row]:.4g}" for values in found.values.values()))
    return _say(
        options, ErrorsOverTraining.FILE.name, found.as_mapping(), f"After so many steps, {found.trials} {what}", table
    )


def matched(options: Options) -> dict[str, Any]:
    """Where several runs reach the same errors."""
    import dataclasses

    from neurodyn.analysis.matched_checkpoints import matched_checkpoints

    folders = (options.run, *options.matched)
    if len(set(folders)) < len(folders):
        raise InvalidInput("matched", [str(folder) for folder in folders], "different runs")
    names = [folder.name for folder in folders]
    runs = dict(zip(names if len(set(names)) == len(names) else map(str, folders), folders))
    found = matched_checkpoints(runs, _trials(options, "test"), options.levels or None)
    table = _table(["error", *runs])
    for level, reached in found.items():
        table.add_row(f"{level:.4g}", *("–" if each is None else f"{each.step:.1f}" for each in reached.values()))
    plain = {name: str(folder) for name, folder in runs.items()}
    levels = [
        {"level": level, "reached": {n: None if r is None else dataclasses.asdict(r) for n, r in reached.items()}}
        for level, reached in found.items()
    ]
    title = "Steps after which each run first reaches an error on the test trials"
    return _say(options, "matched_checkpoints.json", {"runs": plain, "levels": levels}, title, table)


def similarity(options: Options) -> dict[str, Any]:
    """How alike to a recording the network is at every kept step."""
    from neurodyn.analysis.similarity_over_training import similarity_over_training
    from neurodyn.comparison.looks import WITHOUT_MEAN, SimilarityTo
    from neurodyn.training.kept import SimilarityOverTraining
    from neurodyn.training.run import Run

    to = SimilarityTo(
        data=options.similarity,
        measures=tuple(name for name in options.measures if not name.endswith(WITHOUT_MEAN)),
        without_mean=tuple(name.removesuffix(WITHOUT_MEAN) for name in options.measures if name.endswith(WITHOUT_MEAN)),
        lag_s=options.lag_s,
        seed=options.seed,
    )
    found = similarity_over_training(Run.open(options.run), to.recording(), _trials(options, "test"), to)
    table = _table(["step", found.error_name, *found.measures, "participation ratio"])
    for row in _some(len(found.steps)):
        values = (found.errors[row], *(each[row] for each in found.values.values()), found.participation_ratio[row])
        table.add_row(str(found.steps[row]), *(f"{value:.4g}" for value in values))
    floors = {label: each.get("cross_condition_average") for label, each in found.baselines.items()}
    said = ", ".join(f"{label} {floor:.4g}" for label, floor in floors.items() if floor is not None)
    note = f"the recording's cross-condition average: {said or 'none'}; its participation ratio {found.reference_participation_ratio:.4g}"
    title = f"Alike to {found.reference}, {1000 * to.lag_s:+.0f} ms from event to event, fitted and scored on the same samples"
    return _say(options, SimilarityOverTraining.FILE.name, found.as_mapping(), title, table, note)


def _trials(options: Options, split: str) -> Trials:
    """A session's training or test trials, as the run has them."""
    from neurodyn import assessment
    from neurodyn.cli._console import working
    from neurodyn.estimator import Estimator

    with working(f"Loading the data of {options.run} ..."):
        parts = assessment.parts_of(Estimator.load(options.run))
    sessions: Sequence[Trials] = parts.train if split == "train" else parts.test or []
    for trials in sessions:
        if options.session in ("", trials.session):
            return trials
    raise InvalidInput("--session", repr(options.session), f"one of {', '.join(t.session for t in sessions)}")


def _say(
    options: Options, name: str, found: Mapping[str, Any], title: str, table: Table, note: str = ""
) -> dict[str, Any]:
    """Writes the file into the run's folder, or another, and prints the table between its title and a note, unless JSON was asked for."""
    from neurodyn.cli._console import console
    from neurodyn.data.writing import folder_made, written_whole

    folder: Path = options.out or options.run / "analysis"
    written = {"run": str(options.run), **found}
    with folder_made(folder), written_whole(folder / name) as beside:
        beside.write_text(json.dumps(written, indent=2, allow_nan=False))
    for shown in () if options.json else (title, table, *([note] if note else []), f"written: {folder / name}"):
        console().print(shown, highlight=False, soft_wrap=isinstance(shown, str))
    return written


def _table(headings: Sequence[str]) -> Table:
    from rich.table import Table

    table = Table()
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def _some(rows: int) -> list[int]:
    """Rows spread evenly, the first and the last among them."""
    most = min(rows, _MOST_ROWS)
    return sorted({round(i * (rows - 1) / max(most - 1, 1)) for i in range(most)})
