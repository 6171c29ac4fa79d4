"""`neurodyn analyse --fixed-points`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurodyn.cli._analysed import numbers, session_of

if TYPE_CHECKING:
    from neurodyn.analysis.fixed_points import FixedPointAnalysis, InputResult
    from neurodyn.cli.analyse import Options


def fixed_points(options: Options) -> dict[str, Any]:
    """A model's fixed points under constant inputs, with phase portraits."""
    from neurodyn import assessment
    from neurodyn.analysis.fixed_points import KEPT, analyse_fixed_points
    from neurodyn.cli._console import console, working
    from neurodyn.data.writing import folder_made
    from neurodyn.estimator import Estimator

    choices = [choice for word in options.inputs for choice in word.split(",") if choice]
    estimator = Estimator.load(options.run)
    with working(f"Looking for the fixed points of {options.run} ..."):
        trials = session_of(assessment.parts_of(estimator).train, options.session)
        found = analyse_fixed_points(
            estimator.model_, trials, choices, starts=options.starts, seed=options.seed
        )  # fmt: skip
    folder = options.out or (options.run / KEPT).parent
    with folder_made(folder):
        written = {"run": str(options.run), "starts": options.starts, "seed": options.seed, **found.as_mapping()}
        _write(found, written, folder)
    if options.json:
        return written
    for result in found.results:
        _print(result, found)
    for choice, why in found.left_out.items():
        console().print(f"{choice} was left out: {why}.", highlight=False, soft_wrap=True)
    console().print(f"figures: {folder / KEPT.with_suffix('.html').name}", highlight=False, soft_wrap=True)
    return written


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
        mapped = [] if result.mapped is None else [numbers(result.mapped[i], "{:.3f}")]
        verdict = (
            "unvisited" if not result.visited[i] else "" if compared is None else "true" if i in pairs else "false"
        )
        table.add_row(
            kind,
            str(points.unstable[i]),
            numbers(result.latents[i], "{:.3g}"),
            *mapped,
            numbers(times[i], "{:.0f}"),
            numbers(turns[i], "{:.2g}"),
            str(points.reached[i]),
            verdict,
        )
    console().print(table)
