"""Score a run on its held-out test trials, each score with its baselines, ceiling and interval.

usage: neurodyn evaluate RUN [--privileged] [--json]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from neurodyn.cli._options import Flag, parse
from neurodyn.config import check_range
from neurodyn.errors import InvalidInput


@dataclass(frozen=True)
class Options:
    """Score a run on its held-out test trials."""

    run: Positional[Path]
    """Folder of a run."""
    samples: int = 50
    """Posterior samples averaged for the rates."""
    metrics: tuple[str, ...] = ()
    """Names of the metrics; by default all that apply and do not take long."""
    privileged: Flag = False
    """Hand a teacher the behaviour of the trials it infers: a reference, not what can be had without behaviour."""
    json: Flag = False
    """One JSON object on stdout: `{"run": ..., "scores": [...]}`."""

    def __post_init__(self) -> None:
        check_range("samples", self.samples, 0)


def run(arguments: Sequence[str]) -> None:
    """Scores the run, keeps `scores.json` in its folder and prints the table."""
    options = parse(Options, arguments, "neurodyn evaluate")
    from rich.markup import escape

    from neurodyn import api
    from neurodyn.cli._console import console, print_json, print_scores, working

    try:
        with working(f"Scoring {options.run} and its baselines ..."):
            scores = api.evaluate(
                options.run, samples=options.samples, metrics=options.metrics or None, privileged=options.privileged
            )
    except InvalidInput as error:
        if error.field != "metrics" or not (withheld := _withheld(options.run)):
            raise
        raise InvalidInput("metrics", error.got, "none: there is nothing to score", withheld) from None
    if options.json:
        print_json({"run": str(options.run), "scores": [score.as_mapping() for score in scores]})
    else:
        from neurodyn.alignment.card import ReportCard

        card = ReportCard(scores)
        withheld = _withheld(options.run)
        what = "held-out test trials" + (", given their behaviour: not deployable" if options.privileged else "")
        others = [score for score in scores if score.name not in card.by_name]
        if others or not card.by_name:
            print_scores(others, f"{options.run}, {what}", **({"nothing": withheld} if withheld else {}))
        for shown in (*card.tables(), *(f"[bold]![/bold] {escape(said)}" for said in card.warnings())):
            console().print(shown, highlight=False, soft_wrap=isinstance(shown, str))
        console().print(f"Next: neurodyn report {options.run}", highlight=False, soft_wrap=True)


def _withheld(run: Path) -> str:
    """What to do with a run on a benchmark's test phase, whose targets no data set holds; empty for any other run."""
    from neurodyn.training.run import Run

    if Run.open(run).config["data"].get("options", {}).get("phase") != "test":
        return ""
    return (
        "Its data are the benchmark's phase test, whose targets are withheld. "
        f"Write its rates with `neurodyn submit {run} -o submission.h5`; score that file with `neurodyn submit --score submission.h5 --targets "
        "eval_data_test.h5` where you have the organisers' targets. Or fit with --data.phase val, whose targets are known."
    )
