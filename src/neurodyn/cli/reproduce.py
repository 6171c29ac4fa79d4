"""Run a published study, every arm and seed, and print the published value beside ours; without a study, list them.

usage: neurodyn reproduce
       neurodyn reproduce STUDY [--quick | --full] [--seeds 3] [--workers N] [--targets eval_data_test.h5] [--out DIR] [--json]
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tyro.conf import Positional

from neurodyn.cli._options import Flag, parse
from neurodyn.config import check_range
from neurodyn.errors import InvalidInput

if TYPE_CHECKING:
    from neurodyn.metrics.base import Score


@dataclass(frozen=True)
class Options:
    """Run a published study and print the published value beside ours. Run again, it goes on where it stopped."""

    study: Positional[str | None] = None
    """Folder of recipes, or one arm: nlb/mc_maze_small, nlb/mc_maze_small/smoothing. Without it, the studies are listed."""
    quick: Flag = False
    """With the changes each recipe lists under `quick`: at most 20 minutes on two cores. The default."""
    full: Flag = False
    """With the published settings."""
    seeds: int = 3
    """Runs of each arm; an arm solved in closed form draws nothing and is run once."""
    targets: Path | None = None
    """The Neural Latents Benchmark's published eval_data_test.h5: runs are then of phase test and scored against it, with --full. That is not blind; every use is recorded."""
    workers: int | None = None
    """Runs at a time, each a process of one thread; by default one a core."""
    out: Path | None = None
    """Folder of the runs and of table.json, table.md and report.html; by default runs/reproduce/<quick|full|test>/<study>."""
    json: Flag = False
    """One JSON object on stdout: `{"study": ..., "scores": [...], "conclusions": [...], "left_out": [...]}`."""

    def __post_init__(self) -> None:
        check_range("seeds", self.seeds, 1)
        if self.workers is not None:
            check_range("workers", self.workers, 1)
        if self.quick and self.full:
            raise InvalidInput("--quick", "--full too", "one of the two")


def run(arguments: Sequence[str]) -> None:
    """Runs what is left to run and prints the table."""
    options = parse(Options, arguments, "neurodyn reproduce")
    if options.study is None:
        _list(options.json)
        return
    from neurodyn.cli._console import console, print_json
    from neurodyn.reproduction.run import REPORT, ArmsFailed, reproduce
    from neurodyn.reproduction.study import Study

    study = Study.find(options.study)
    kind = "test" if options.targets is not None else "full" if options.full else "quick"
    out = options.out or Path("runs", "reproduce", kind, study.name)
    printer = console()
    incomplete: ArmsFailed | None = None
    try:
        scores = reproduce(
            study,
            out,
            quick=not options.full,
            seeds=options.seeds,
            targets=options.targets,
            workers=options.workers,
            say=lambda line: printer.print(line, highlight=False, markup=False, soft_wrap=True),
        )
    except KeyboardInterrupt:
        again = shlex.join(["neurodyn", "reproduce", *arguments])
        raise KeyboardInterrupt(f"What was done is in {out}. Continue with: {again}") from None
    except ArmsFailed as failure:
        scores, incomplete = failure.scores, failure
    if scores:
        written = json.loads((out / "table.json").read_text())
        left_out = [arm.path for arm in study.left_out(quick=not options.full)]
        _print_table(study.name, scores, left_out, [arm for arm in written["left_out"] if arm not in left_out])
        for what, file in (("table", "table.md"), ("report", REPORT)):
            printer.print(f"{what}: {out / file}", highlight=False, markup=False, soft_wrap=True)
        if options.json:
            print_json(written)
    if incomplete is not None:
        raise incomplete


def _list(as_json: bool) -> None:
    from neurodyn.cli._console import console, print_json
    from neurodyn.reproduction.study import names

    found = names()
    if as_json:
        print_json({"studies": found})
    else:
        lines = ["studies (a folder runs all that is below it):", *(f"  {name}" for name in found)]
        console().print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)


def _print_table(study: str, scores: Sequence[Score], left_out: Sequence[str], without_data: Sequence[str]) -> None:
    from rich.markup import escape
    from rich.table import Table

    from neurodyn.cli._console import console
    from neurodyn.reporting.study.alignment import not_of_alignment
    from neurodyn.reproduction import table as tables
    from neurodyn.reproduction.table import SHORT_HEADINGS

    absent, cards = tables.absent(left_out, without_data), scores
    scores = not_of_alignment(scores)
    if len(scores) < len(cards):
        _print_cards(study, cards, [] if scores else absent)
    if not scores:
        return
    below = [tables.legend(scores), *tables.reasons(scores), *absent]
    below += [tables.NOT_DEPLOYABLE] if tables.given_behaviour(scores) else []
    table = Table(title=study, title_justify="left", caption=escape("\n".join(below)), caption_justify="left")
    for heading in SHORT_HEADINGS:
        table.add_column(heading, overflow="fold", no_wrap=heading == SHORT_HEADINGS[0])
    for arm in dict.fromkeys(score.context["arm"] for score in scores):
        own = [score for score in scores if score.context["arm"] == arm]
        table.add_section()
        table.add_row(f"[bold]{escape(tables.arm_of(own[0]))}[/bold]", escape(own[0].context["runs"]))
        for score in own:
            table.add_row(*map(escape, tables.short_row(score)))
    console().print(table)
    _print_differences(scores)


def _print_cards(study: str, scores: Sequence[Score], absent: Sequence[str]) -> None:
    """The report cards of arms that align subjects, and what each comes to."""
    from rich.markup import escape
    from rich.table import Table

    from neurodyn.cli._console import console
    from neurodyn.reproduction import cards, table

    below = [*cards.below(scores), *absent, *table.conclusions(scores)]
    title, caption = f"{study}: report cards", escape("\n".join(below))
    shown = Table(title=title, title_justify="left", caption=caption, caption_justify="left")
    for heading in cards.headings(scores)[1:]:
        shown.add_column(heading, overflow="fold")
    before = ""
    for arm, *cells in cards.rows(scores):
        if arm != before:
            shown.add_section()
            shown.add_row(f"[bold]{escape(arm)}[/bold]")
        shown.add_row(*map(escape, cells))
        before = arm
    console().print(shown)


def _print_differences(scores: Sequence[Score]) -> None:
    """What the arms gain over those they are compared with, where any are, and what the study comes to."""
    from rich.markup import escape
    from rich.table import Table

    from neurodyn.cli._console import console
    from neurodyn.reproduction import table as tables

    compared = [score for score in scores if "paired" in score.context]
    if not compared:
        for said in tables.conclusions(scores):
            console().print(said, highlight=False, markup=False, soft_wrap=True)
        return
    below = [tables.paired_legend(scores), *tables.conclusions(scores)]
    title, caption = "paired differences", escape("\n".join(below))
    table = Table(title=title, title_justify="left", caption=caption, caption_justify="left")
    for heading in tables.PAIRED_HEADINGS:
        table.add_column(heading, overflow="fold")
    for score in compared:
        table.add_row(*map(escape, tables.paired_row(score)))
    console().print(table)
