"""A submission file against what is on this machine: checked, or scored with the scores written beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neurodyn.data.nlb.tensors import Tensors
from neurodyn.data.nlb.trials import to_trials
from neurodyn.data.writing import written_whole
from neurodyn.errors import InvalidInput, MissingData
from neurodyn.submission.check import Finding, check
from neurodyn.submission.expected import Expected
from neurodyn.submission.layout import GROUPS, Submission, opened, read
from neurodyn.submission.prepared import prepared
from neurodyn.submission.scoring import Means, Scored, mean_counts, score, together
from neurodyn.submission.targets import LOG, NOT_BLIND, SealedTargets


@dataclass(frozen=True, eq=False)
class Checked:
    """What the check of a file found."""

    submission: Submission
    phase: str
    compared: tuple[str, ...]
    """Groups whose recordings were found and compared with."""
    findings: list[Finding]


@dataclass(frozen=True, eq=False)
class ScoredFile:
    """A file's scores."""

    path: Path
    phase: str
    scored: Scored
    targets: Mapping[str, Any]
    """What it was scored against: `file` and `sha256` of test targets, or `recordings`."""
    notes: tuple[str, ...]
    """What must be said wherever the scores are reported."""

    @property
    def beside(self) -> Path:
        """The file the scores are in."""
        return self.path.with_suffix(".scores.json")

    def as_mapping(self) -> dict[str, Any]:
        """As plain values, null for what is not finite: `results` as the benchmark prints them, `scores` whole."""
        return {
            "submission": str(self.path),
            "phase": self.phase,
            "targets": dict(self.targets),
            "notes": list(self.notes),
            "results": [
                {split: {name: value if np.isfinite(value) else None for name, value in values.items()}}
                for each in self.scored.results
                for split, values in each.items()
            ],
            "scores": [each.as_mapping() for each in self.scored.scores],
        }


def check_file(path: str | Path, phase: str | None = None) -> Checked:
    """Compares a file with the recordings on this machine; groups without any are checked for themselves.

    Args:
        path: of the submission.
        phase: `val` or `test`, where the file does not say; by default test, which is what the benchmark takes.

    Raises:
        MissingData: no such file.
        InvalidInput: it is no submission file, or says another phase.
    """
    submission = read(path)
    phase = _phase(path, submission, phase, "test")
    expected: dict[str, Expected] = {}
    for name in submission.groups:
        if name not in GROUPS:
            continue
        try:
            expected[name] = _expected(prepared(name, phase, submission.members.get(name, ())))
        except MissingData:
            continue
    return Checked(submission, phase, tuple(expected), check(submission, expected))


def score_file(path: str | Path, targets: str | Path | None = None, phase: str | None = None) -> ScoredFile:
    """Scores a file and writes the scores beside it: `submission.h5` gives `submission.scores.json`.

    Args:
        path: of the submission.
        targets: for phase test, the organisers' `eval_data_test.h5`; its use is recorded beside the scores. Phase val needs none: its targets are cut
            from the recordings.
        phase: where the file does not say; by default test with targets and val without.

    Raises:
        MissingData: no such file; no recordings for phase val.
        InvalidInput: phase test without targets or phase val with them; shapes that disagree; rates that cannot be scored.
    """
    path = Path(path)
    with opened(path) as submission:
        phase = _phase(path, submission, phase, "val" if targets is None else "test")
        context = {"phase": phase, "submission": str(path)}
        if phase == "val":
            if targets is not None:
                got = f"{targets} for {path}, which is of phase val"
                raise InvalidInput("targets", got, "nothing: targets of phase val are in the recordings")
            parts = [_on_recording(name, submission, context) for name in _groups(path, submission)]
            doubts = tuple(doubt for _, found_here in parts for doubt in found_here)
            scored = together([part for part, _ in parts])
            found = ScoredFile(path, phase, scored, {"recordings": list(submission.groups)}, doubts)
        elif targets is None:
            fix = "Give --targets eval_data_test.h5. To choose among models, submit and score runs of phase val."
            raise InvalidInput(
                "targets", f"none for {path}, which is of phase test", "the organisers' test targets", fix
            )
        else:
            sealed = SealedTargets(targets)
            with sealed.for_scoring(path, path.parent) as opened_targets:
                means, doubts = _trained(submission)
                scored = score(opened_targets, submission.groups, means, context={**context, "blind": False})
            about = {"file": str(sealed.path), "sha256": sealed.sha256, "published": sealed.published}
            notes = _notes(sealed, path.parent / LOG)
            missing = [name for name in submission.groups if name not in scored.measured]
            if missing:
                notes += (f"Not scored, because {sealed.path} holds no targets for it: {', '.join(missing)}.",)
            found = ScoredFile(path, phase, scored, about, (*notes, *doubts))
    with written_whole(found.beside) as part:
        part.write_text(json.dumps(found.as_mapping(), indent=2))
    return found


def _phase(path: str | Path, submission: Submission, given: str | None, default: str) -> str:
    if submission.phase is None:
        return given or default
    if given not in (None, submission.phase):
        raise InvalidInput("phase", given, f"{submission.phase}, as {path} says", "Leave it out.")
    return submission.phase


def _groups(path: Path, submission: Submission) -> list[str]:
    """The groups of a submission in the benchmark's order."""
    names = [name for name in GROUPS if name in submission.groups]
    if not names:
        got = ", ".join(submission.groups) or "no group"
        raise InvalidInput(str(path), got, f"groups of the benchmark, such as {next(iter(GROUPS))}")
    return names


def _on_recording(name: str, submission: Submission, context: Mapping[str, Any]) -> tuple[Scored, tuple[str, ...]]:
    """One group's scores on the targets cut from its recording, and doubts about its rates; one recording is in memory at a time."""
    tensors = prepared(name, "val", submission.members.get(name, ()))
    scored = score({name: tensors.arrays}, {name: submission.groups[name]}, context=context)
    return scored, _doubts(name, submission, tensors)


def _trained(submission: Submission) -> tuple[dict[str, Means], tuple[str, ...]]:
    """Mean training counts of the groups whose recordings are on this machine, and doubts about their rates."""
    means: dict[str, Means] = {}
    doubts: tuple[str, ...] = ()
    for name in (name for name in GROUPS if name in submission.groups):
        try:
            tensors = prepared(name, "test", submission.members.get(name, ()))
        except MissingData:
            continue
        means[name] = mean_counts(tensors.arrays)
        doubts += _doubts(name, submission, tensors)
    return means, doubts


def _doubts(name: str, submission: Submission, tensors: Tensors) -> tuple[str, ...]:
    """What is wrong with a group's rates that are scored all the same: rates in Hz, log rates, zeros."""
    arrays = {key: np.asarray(values) for key, values in submission.groups[name].items()}
    own = Submission({name: arrays}, submission.phase, submission.members)
    findings = (each for each in check(own, {name: _expected(tensors)}) if "/" in each.where)
    return tuple(f"{each.level}: {each.where}: {each.got}; expected {each.expected}. {each.fix}" for each in findings)


def _expected(tensors: Tensors) -> Expected:
    trials = to_trials(tensors)
    return Expected.of([trials.train, trials.valid], trials.test)


def _notes(sealed: SealedTargets, log: Path) -> tuple[str, ...]:
    known = (
        "These are the targets the organisers published, bit for bit."
        if sealed.published
        else f"These are not the targets the organisers published (sha256 {sealed.sha256}): do not compare with the leaderboard."
    )
    return NOT_BLIND, known, f"This use was recorded in {log}."
