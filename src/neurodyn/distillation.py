"""Students and their teachers: train one from the other, and teachers that never teach what they were trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from neurodyn.config import check_range
from neurodyn.errors import InvalidInput
from neurodyn.estimator import Data, Estimator
from neurodyn.models.base import Model
from neurodyn.training.partition import partition
from neurodyn.training.teachers import without_fold

Teacher = Estimator | str | Path
"""A run's folder, or an estimator that was fitted into one."""


def distill(
    teacher: Teacher | Sequence[Teacher],
    model: str | type[Model],
    trials: Data,
    *,
    strategy: str | Mapping[str, Any] = "hard",
    objective: Mapping[str, Any] | None = None,
    **options: Any,
) -> Estimator:
    """A student fitted to trials and to what a trained teacher says of them: `distill("runs/teacher", "ndt", trials, strategy="soft")`.

    Args:
        teacher: run of a model trained on the same trials, as a rule with behaviour (`behaviour={"fusion": "add"}`); several teach the mean of their rates.
        model: the student; it is never given behaviour.
        trials: as for `neurodyn.fit`.
        strategy: name, or a mapping with `name` and options, e.g. `{"name": "soft", "temperature": 4}`.
        objective: other fields of `DistillConfig`: `alpha`, `region`, `teacher_sees`, ...
        options: as for `neurodyn.fit`.

    Raises:
        UnknownName: no such model or strategy.
        MissingData: there is no such run.
        InvalidInput: a teacher that was not fitted into a folder, or cannot teach this student; as for `neurodyn.fit`.
    """
    several = [teacher] if isinstance(teacher, Estimator | str | Path) else list(teacher)
    asked = {
        "name": "distill",
        "teacher": [_folder(each) for each in several],
        "strategy": strategy,
        **(objective or {}),
    }
    valid = options.pop("valid", None)
    return Estimator(model, objective=asked, **options).fit(trials, valid=valid)


def cross_fit(
    model: str | type[Model],
    trials: Data,
    *,
    out: str | Path,
    folds: int = 4,
    valid: Data | None = None,
    seed: int = 0,
    **options: Any,
) -> list[Path]:
    """Trains K teachers, each without every K-th training trial, and returns their folders `out/fold0`, `out/fold1`, ... for `distill(..., objective={"cross_fitted": True})`.

    A teacher that has over-fitted to a trial repeats its noise to the student. Cross-fitted, teacher k was not trained on the training trials i with i mod K = k and teaches these
    alone. The student must be given the same trials, `valid` and `seed`, so that its training trials are the same. With `resume` it goes on where it was interrupted.

    Args:
        model: the teacher.
        trials, valid, seed, options: as for `neurodyn.fit`.
        out: folder of the runs.
        folds: K, at least 2.

    Raises:
        InvalidInput: fewer training trials than folds in a session; as for `neurodyn.fit`.
    """
    check_range("folds", folds, 2)
    estimator = Estimator(model, seed=seed, **options)
    parts = partition(estimator.as_trials(trials), None if valid is None else estimator.as_trials(valid), seed)
    fewest = min(len(each) for each in parts.train)
    if fewest < folds:
        raise InvalidInput("folds", folds, f"at most {fewest}, the training trials of the smallest session")
    found = []
    for fold in range(folds):
        folder = Path(out) / f"fold{fold}"
        train = [without_fold(each, fold, folds) for each in parts.train]
        Estimator(model, seed=seed, out=folder, **options).fit(train, valid=parts.valid)
        found.append(folder)
    return found


def _folder(teacher: Teacher) -> str:
    if not isinstance(teacher, Estimator):
        return str(teacher)
    if getattr(teacher, "run_", None) is None:
        fix = "Fit it with out=, or save it: teacher.save(folder)."
        raise InvalidInput("teacher", "an estimator without a run's folder", "one that was fitted into a folder", fix)
    return str(teacher.run_.path)  # type: ignore[union-attr]
