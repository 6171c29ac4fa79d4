"""Write a submission file of the Neural Latents Benchmark from one or many runs, check one, or score one.

usage: neurodyn submit RUN ... -o submission.h5 [--no-forward] [--samples 50] [--overwrite] [--json]
       neurodyn submit --check FILE [--phase val|test] [--json]
       neurodyn submit --score FILE [--targets eval_data_test.h5] [--json]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from neurodyn.cli._options import Flag, parse
from neurodyn.config import check_range
from neurodyn.errors import InvalidInput

if TYPE_CHECKING:
    from neurodyn.submission.check import Finding
    from neurodyn.submission.layout import Submission


@dataclass(frozen=True)
class Options:
    """Write a submission file of the Neural Latents Benchmark from one or many runs, check one, or score one."""

    runs: Positional[tuple[Path, ...]] = ()
    """Folders of runs of one phase. Runs on one data set and bin width are averaged; others become groups of their own."""
    out: Annotated[Path | None, arg(aliases=["-o"])] = None
    """The submission file to write."""
    no_forward: Flag = False
    """Leave the forward bins out; fp-bps is then not scored."""
    samples: int = 50
    """Posterior samples averaged for the rates."""
    overwrite: Flag = False
    """Replace the file where it is there already."""
    check: Path | None = None
    """A submission file to check instead, against the recordings where they are on this machine."""
    score: Path | None = None
    """A submission file to score instead: of phase val against the recordings on this machine, of phase test against --targets."""
    targets: Path | None = None
    """The organisers' published eval_data_test.h5. Scores on it are not blind; every use is recorded beside them."""
    phase: Literal["val", "test"] | None = None
    """Phase of a file that another tool wrote and that does not say; by default test, and val for --score without --targets."""
    json: Flag = False
    """One JSON object on stdout."""

    def __post_init__(self) -> None:
        check_range("samples", self.samples, 0)
        asked = [name for name in ("check", "score") if getattr(self, name) is not None]
        if len(asked) + bool(self.runs) != 1:
            got = ", ".join([*(["runs"] if self.runs else []), *(f"--{name}" for name in asked)]) or "nothing"
            raise InvalidInput(
                "submit",
                got,
                "either RUN ... -o FILE, or --check FILE, or --score FILE",
                "See `neurodyn submit --help`.",
            )
        if self.runs and self.out is None:
            raise InvalidInput("--out", "nothing", "a file to write", "Add -o submission.h5.")
        uses = {"out": "runs", "no_forward": "runs", "overwrite": "runs", "targets": "score"}
        for name, user in uses.items():
            if getattr(self, name) and not getattr(self, user):
                other = "RUN ..." if user == "runs" else f"--{user} FILE"
                raise InvalidInput(
                    f"--{name.replace('_', '-')}", f"given without {other}", "only with it", "Leave it out."
                )
        if self.phase and self.runs:
            raise InvalidInput(
                "--phase", "given with runs", "only with --check or --score", "Their data say the phase."
            )


def run(arguments: Sequence[str]) -> None:
    """Writes, checks or scores the file."""
    options = parse(Options, arguments, "neurodyn submit")
    if options.check is not None:
        _check(options.check, options)
    elif options.score is not None:
        _score(options.score, options)
    else:
        _submit(options)


def _submit(options: Options) -> None:
    from neurodyn.cli._console import console, print_json
    from neurodyn.submission.submit import submit

    assert options.out is not None
    done = submit(
        options.runs,
        options.out,
        forward=not options.no_forward,
        samples=options.samples,
        overwrite=options.overwrite,
    )
    if options.json:
        about = {"out": str(done.path), "phase": done.submission.phase, "groups": _described(done.submission)}
        print_json({**about, "findings": list(map(vars, done.warnings))})
        return
    _print_groups(done.submission, done.warnings)
    targets = " --targets eval_data_test.h5" if done.submission.phase == "test" else ""
    lines = (
        f"submission: {done.path}, phase {done.submission.phase}\nNext: neurodyn submit --score {done.path}{targets}"
    )
    console().print(lines, highlight=False, soft_wrap=True)


def _check(path: Path, options: Options) -> None:
    from neurodyn.cli._console import console, print_json, working
    from neurodyn.submission.check import require
    from neurodyn.submission.file import check_file

    with working(f"Checking {path} ..."):
        found = check_file(path, options.phase)
    passed = not any(finding.level == "error" for finding in found.findings)
    if options.json:
        compared = {"phase": found.phase, "passed": passed, "compared_with_data": list(found.compared)}
        findings = list(map(vars, found.findings))
        print_json({"file": str(path), **compared, "groups": _described(found.submission), "findings": findings})
    else:
        _print_groups(found.submission, found.findings)
        verdict = "passed" if passed else "not fit to be scored"
        console().print(f"{path}, phase {found.phase}: {verdict}", highlight=False, soft_wrap=True)
    require(found.findings)


def _score(path: Path, options: Options) -> None:
    from neurodyn.cli._console import console, print_json, print_scores, working
    from neurodyn.submission.file import score_file

    with working(f"Scoring {path} ..."):
        found = score_file(path, options.targets, options.phase)
    out = console()
    if options.json:
        print_json(found.as_mapping())
    else:
        for group in dict.fromkeys(score.context["group"] for score in found.scored.scores):
            own = [score for score in found.scored.scores if score.context["group"] == group]
            print_scores(own, f"{group}, phase {found.phase}")
        out.print(f"scores: {found.beside}", highlight=False, soft_wrap=True)
    for note in found.notes:
        out.print(f"[bold]{note}[/bold]", highlight=False, soft_wrap=True)


def _described(submission: Submission) -> dict[str, Any]:
    """Shapes and members of each group, for JSON."""
    return {
        name: {
            "arrays": {key: list(values.shape) for key, values in arrays.items()},
            "members": [vars(member) for member in submission.members.get(name, ())],
        }
        for name, arrays in submission.groups.items()
    }


def _print_groups(submission: Submission, findings: Sequence[Finding]) -> None:
    """The arrays of each group with its members, and what the check found."""
    from rich.table import Table

    from neurodyn.cli._console import console

    out = console()
    table = Table("group", "array", "trial, time, unit", "average of")
    for name, arrays in submission.groups.items():
        members = [f"{each.run} ({each.model}, seed {each.seed})" for each in submission.members.get(name, ())]
        for row, (key, values) in enumerate(arrays.items()):
            shape = ", ".join(map(str, values.shape))
            table.add_row(*((name, key, shape, "\n".join(members)) if row == 0 else ("", key, shape, "")))
    out.print(table)
    if findings:
        noted = Table("", "where", "found", "expected", "what to do")
        for finding in findings:
            noted.add_row(finding.level, finding.where, finding.got, finding.expected, finding.fix)
        out.print(noted)
