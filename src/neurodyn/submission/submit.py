"""Runs into a submission file: gathered, checked, and only then written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from neurodyn.data.writing import refuse_existing
from neurodyn.errors import InvalidInput
from neurodyn.estimator import Estimator
from neurodyn.submission import layout
from neurodyn.submission.check import Finding, check, require
from neurodyn.submission.gather import gather
from neurodyn.submission.layout import Submission


@dataclass(frozen=True, eq=False)
class Submitted:
    """A submission that has been written."""

    path: Path
    submission: Submission
    warnings: list[Finding]


def submit(
    runs: Sequence[Estimator | str | Path],
    path: str | Path,
    *,
    forward: bool = True,
    samples: int = 50,
    progress: bool = True,
    overwrite: bool = False,
) -> Submitted:
    """Writes the rates of one or more runs as one submission file; nothing is written where a check fails.

    Args:
        runs, forward, samples, progress: as for `neurodyn.submission.gather.gather`.
        path: of the file.
        overwrite: whether a file that is there may be replaced.

    Raises:
        InvalidInput: there is such a file; as `gather`, and for whatever `neurodyn.submission.check.check` calls an error.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise InvalidInput("out", f"{path} in a folder that does not exist", "a folder that exists", "Create it first.")
    refuse_existing(target, overwrite)
    gathered = gather(runs, forward=forward, samples=samples, progress=progress)
    findings = check(gathered.submission, gathered.expected)
    require(findings)
    return Submitted(layout.write(target, gathered.submission), gathered.submission, findings)
