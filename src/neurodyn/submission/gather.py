"""The rates of fitted runs as the arrays of a submission; runs of the same data set and bin width are averaged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from neurodyn import assessment
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.estimator import Estimator
from neurodyn.submission.expected import Expected
from neurodyn.submission.layout import EVAL, FORWARD, TRAIN, Member, Submission, group_name


@dataclass(frozen=True, eq=False)
class Gathered:
    """A submission that has not been checked, and the sizes to check it against."""

    submission: Submission
    expected: dict[str, Expected]


@dataclass(eq=False)
class _Group:
    """One data set at one bin width: rates added up over members."""

    trial_id: np.ndarray
    expected: Expected
    totals: dict[str, np.ndarray]
    members: list[Member] = field(default_factory=list)


def gather(
    runs: Sequence[Estimator | str | Path], *, forward: bool = True, samples: int = 50, progress: bool = True
) -> Gathered:
    """Predicts every trial of each run's data and sorts the rates into groups. The data of one run are in memory at a time.

    Args:
        runs: run folders, or estimators fitted to a benchmark's trials. Several of one data set and bin width are an ensemble: their rates are averaged.
        forward: whether to hand in the forward bins.
        samples: posterior samples averaged, for models that have a posterior.
        progress: draw a bar on stderr.

    Raises:
        InvalidInput: no run, the same run twice, data that are no benchmark's or have changed since, two phases, ensemble members that do not share their
            trials, a model without rates.
    """
    names = [_named(run) for run in runs]
    if not names:
        raise InvalidInput("RUN", "none", "at least one folder of a run")
    same = [_identity(run) for run in runs]
    if len(set(same)) < len(same):
        twice = next(name for name, each in zip(names, same) if same.count(each) > 1)
        raise InvalidInput("RUN", f"{twice} twice", "each run once", "Its rates would count twice in the average.")
    estimators = [run if isinstance(run, Estimator) else Estimator.load(run) for run in runs]
    _one_phase({name: str(each.data_.get("options", {}).get("phase", "val")) for name, each in zip(names, estimators)})
    groups: dict[str, _Group] = {}
    phases: dict[str, str] = {}
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=20), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not progress) as bar:
        task = bar.add_task("inferring rates", total=len(estimators))
        for name, estimator in zip(names, estimators):
            bar.update(task, description=f"inferring rates of {name}")
            train, test = _trials(name, estimator)
            phases[name] = str(test.provenance["benchmark"]["phase"])
            _one_phase(phases)  # of trials from memory, whose options do not say it
            _add(groups, name, estimator, train, test, forward, samples)
            bar.advance(task)
    for group in groups.values():
        for rates in group.totals.values():
            rates /= len(group.members)
    submission = Submission(
        {name: group.totals for name, group in groups.items()},
        next(iter(phases.values())),
        {name: tuple(group.members) for name, group in groups.items()},
    )
    return Gathered(submission, {name: group.expected for name, group in groups.items()})


def _one_phase(phases: dict[str, str]) -> None:
    if len(set(phases.values())) > 1:
        got = ", ".join(f"{run} of phase {phase}" for run, phase in phases.items())
        raise InvalidInput("RUN", got, "runs of one phase in one file", "Submit them separately.")


def _named(run: Estimator | str | Path) -> str:
    """What to call a run: its folder, or how an estimator that has none prints."""
    if isinstance(run, Estimator):
        return repr(run) if getattr(run, "run_", None) is None else str(run.run_.path)  # type: ignore[union-attr]
    return str(Path(run))


def _identity(run: Estimator | str | Path) -> object:
    """What two mentions of one run share."""
    if isinstance(run, Estimator):
        return id(run) if getattr(run, "run_", None) is None else run.run_.path.resolve()  # type: ignore[union-attr]
    return Path(run).resolve()


def _trials(name: str, estimator: Estimator) -> tuple[list[Trials], Trials]:
    """Trials that may be trained on (those for validation too), and those the phase evaluates."""
    parts = assessment.parts_of(estimator)
    train, valid, test = parts.train, parts.valid, parts.test or []
    if len(test) != 1 or "benchmark" not in test[0].provenance:
        fix = "Fit to mc_maze or another of its data sets, or to its NWB file with --data.benchmark NAME."
        raise InvalidInput("RUN", f"{name}, fitted to {train[0].name}", "a run on data of the benchmark", fix)
    return [*train, *valid], test[0]


def _add(
    groups: dict[str, _Group],
    run: str,
    estimator: Estimator,
    train: list[Trials],
    test: Trials,
    forward: bool,
    samples: int,
) -> None:
    """Adds one run's rates to its group."""
    benchmark = test.provenance["benchmark"]
    name = group_name(benchmark["dataset"], benchmark["bin_ms"])
    number = np.concatenate([each.table["trial_id"].to_numpy() for each in (*train, test)])
    if name not in groups:
        groups[name] = _Group(np.sort(number), Expected.of(train, test), {})
    group = groups[name]
    arrays = _rates(estimator, train, test, forward, samples)
    shapes = {key: rates.shape for key, rates in group.totals.items()}
    same = not group.totals or shapes == {key: rates.shape for key, rates in arrays.items()}
    if not same or not np.array_equal(group.trial_id, np.sort(number)):
        raise InvalidInput(
            "RUN", f"{run}, whose {name} has other trials or neurons than {group.members[0].run}", "the same data"
        )
    for key, rates in arrays.items():
        if key in group.totals:
            group.totals[key] += rates
        else:
            group.totals[key] = rates
    group.members.append(Member(run, estimator.plan_.model, estimator.plan_.seed))


def _rates(
    estimator: Estimator, train: list[Trials], test: Trials, forward: bool, samples: int
) -> dict[str, np.ndarray]:
    """The arrays of one run, float32; training trials in the order of the combined trial table."""
    seen, units = test.observed_bins, (test.heldin, test.heldout)
    place = np.argsort(np.argsort(np.concatenate([each.table["trial_id"].to_numpy() for each in train])))
    arrays = {key: np.empty((len(place), seen, len(which)), np.float32) for key, which in zip(TRAIN, units)}
    start = 0
    for each in train:
        rates, rows = _inferred(estimator, each, samples), place[start : start + len(each)]
        for key, which in zip(TRAIN, units):
            arrays[key][rows] = rates[:, :seen, which]
        start += len(each)
    rates = _inferred(estimator, test, samples)
    arrays |= {key: rates[:, :seen, which] for key, which in zip(EVAL, units)}
    if forward and test.forward:
        arrays |= {key: rates[:, seen:, which] for key, which in zip(FORWARD, units)}
    return arrays


def _inferred(estimator: Estimator, trials: Trials, samples: int) -> np.ndarray:
    """Rates `(trial, time, unit)`, units in recorded order."""
    inferred = estimator.transform([trials], samples)
    rates = inferred[0].rates if isinstance(inferred, list) else inferred.rates
    if rates is None:
        raise InvalidInput("model", estimator.plan_.model, "a model that predicts rates")
    return rates
