"""The verbs: load, fit, adapt, evaluate, report."""

from __future__ import annotations

import dataclasses
import functools
import operator
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neurodyn import config as configs
from neurodyn import registry
from neurodyn.analysis.fixed_points import kept_portraits
from neurodyn.analysis.langevin import has_physics, langevin_physics
from neurodyn.baselines import baseline_evaluations, evaluation_of
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput, MissingData, UnknownName
from neurodyn.estimator import Data, Estimator
from neurodyn.metrics.base import Evaluation, Score, Split, score_all, shuffled
from neurodyn.models.base import Model
from neurodyn.training.config import TrainConfig
from neurodyn.training.partition import Parts, check_disjoint, fingerprint, groups, partition
from neurodyn.training.run import environment

if TYPE_CHECKING:
    from neurodyn.reporting.subject import Subject


def load(source: str | Path, **options: Any) -> Trials | list[Trials]:
    """Trials of a data set by name, or of a file.

    Args:
        source: registered name (`two_area`), or path of an NWB, HDF5, npz or mat file.
        options: fields of the data set's config (or of `FileOptions` for a file).

    Raises:
        UnknownName: no data set of that name.
        MissingData: no such file, or the data set is not on this machine.
        InvalidInput: an option that does not exist, or data that cannot be used.
    """
    name = str(source)
    if name in registry.names("datasets"):
        dataset = registry.load("datasets", name)
        config = configs.from_dict(dataset.Config, options, "data")
        return _with_origin(dataset(config).load(), name, options)
    path = Path(source)
    if not path.suffix and len(path.parts) == 1 and not path.exists():
        raise UnknownName("data set", name, registry.names("datasets"))
    if not path.is_file():
        raise MissingData(f"{path}: there is no such file, and no data set is called so.")
    from neurodyn.data.files import FileOptions, load_file

    trials = load_file(path, configs.from_dict(FileOptions, options, "data"))
    return _with_origin(trials, str(path.resolve()), options)


def fit(
    model: str | type[Model],
    trials: Data,
    *,
    valid: Data | None = None,
    rule: str | None = None,
    objective: str | Mapping[str, Any] | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    train: TrainConfig | Mapping[str, Any] | None = None,
    resume: bool = False,
    progress: bool = True,
    bin_s: float | None = None,
    **config: Any,
) -> Estimator:
    """A model fitted to trials: `fit("lfads", trials, generator=64, train={"epochs": 200})`.

    Trials with splits train on `train`, validate on `valid`, and `test` is put aside. The arguments are those of `Estimator`.

    Raises:
        UnknownName: no such model, objective or rule.
        InvalidInput: an option that does not exist (the nearest is suggested), or data that cannot be used.
    """
    estimator = Estimator(
        model,
        rule=rule,
        objective=objective,
        seed=seed,
        train=train,
        out=out,
        progress=progress,
        resume=resume,
        bin_s=bin_s,
        **config,
    )
    return estimator.fit(trials, valid=valid)


def adapt(
    fitted: Estimator | str | Path,
    trials: Data,
    *,
    valid: Data | None = None,
    train: TrainConfig | Mapping[str, Any] | None = None,
    seed: int | None = None,
    out: str | Path | None = None,
) -> Estimator:
    """A trained model with new sessions beside those it has: `adapt(fitted, trials)`. The arguments are those of `Estimator.adapt`.

    Args:
        fitted: a fitted estimator, or a run's folder.

    Raises:
        InvalidInput: as for `Estimator.adapt`.
    """
    estimator = fitted if isinstance(fitted, Estimator) else Estimator.load(fitted)
    return estimator.adapt(trials, valid=valid, train=train, seed=seed, out=out)


def evaluate(
    fitted: Estimator | str | Path,
    trials: Data | None = None,
    *,
    baselines: bool = True,
    samples: int = 50,
    metrics: Sequence[str] | None = None,
    also: Sequence[str] = (),
    privileged: bool = False,
    fitted_baselines: dict[tuple[str, str, str], Evaluation] | None = None,
    baselines_folder: str | Path | None = None,
) -> list[Score]:
    """Every score that applies (or those named) on the test trials, each with its baselines, ceiling and interval.

    Baselines: mean rate, smoothing and a GLM fitted on the same training trials; the same model untrained; and the model's inference given
    to other trials (`shuffled`). With a run, `scores.json` and `outputs.h5` (test trials) are written to its folder.

    Args:
        fitted: a fitted estimator, or a run's folder.
        trials: test trials, or trials with a `test` split, of all sessions or some, found by their names; by default those put aside by `fit`, or
            those of the run's data source.
        baselines: false leaves the baselines out.
        samples: posterior samples averaged, for models that have a posterior.
        metrics: names of the metrics; by default all that apply and do not take long.
        also: metrics on request, measured beside the default ones where they apply.
        privileged: hands a teacher the behaviour of the trials it infers. What it then scores is a reference, not what can be had without behaviour;
            the scores say so in `context["privileged"]`.
        fitted_baselines: baselines that earlier calls fitted (start with `{}`), so that models on the same data share them; added to in place.
        baselines_folder: where fitted baselines are kept on disk, for runs in other processes too; by default in the run's folder.

    Raises:
        UnknownName: no such metric.
        InvalidInput: no test trials are known, they hold out other units or forward bins, a test trial was trained on, the run's data have
            changed since, or `privileged` for a model that is no teacher.
    """
    estimator = fitted if isinstance(fitted, Estimator) else Estimator.load(fitted)
    for name in (*(metrics or ()), *also):
        registry.load("metrics", name)
    known = {} if fitted_baselines is None else fitted_baselines
    kept = Path(baselines_folder) if baselines_folder is not None else None
    assessed = _assess(estimator, trials, baselines, samples, known, metrics, also, kept, privileged)
    scores = [score for each in assessed for score in each.scores]
    if estimator.run_ is not None:
        several = len(estimator.model_.spec.sessions) > 1
        estimator.run_.write_scores(
            scores, keep=metrics is not None or len(assessed) < len(estimator.model_.spec.sessions)
        )
        estimator.run_.write_outputs(
            {f"{a.session}/test" if several else "test": a.evaluation.inferred["test"] for a in assessed}
        )
    return scores


def report(
    fitted: Estimator | str | Path | Sequence[Estimator | str | Path],
    path: str | Path = "report.html",
    *,
    trials: Data | None = None,
    samples: int = 50,
) -> Path:
    """One self-contained HTML page about one or more fitted models: scores, learning curves, rates, latents, diagnosis.

    A teacher whose run was last evaluated with behaviour (`evaluate(..., privileged=True)`) is given it here too, and the page says so.

    Args:
        fitted: estimators or run folders.
        path: of the page.
        trials, samples: as for `evaluate`.

    Raises:
        InvalidInput: as for `evaluate`.
    """
    from neurodyn.reporting import page

    return page.write(subjects(fitted, trials=trials, samples=samples), path)


def subjects(
    fitted: Estimator | str | Path | Sequence[Estimator | str | Path], *, trials: Data | None = None, samples: int = 50
) -> list[Subject]:
    """All that a report or a figure shows of fitted models, one item a model and session; `scores.json` is written on the way.

    Args:
        fitted, trials, samples: as for `report`.

    Raises:
        InvalidInput: as for `evaluate`.
    """
    from neurodyn.reporting.subject import Subject

    given = [fitted] if isinstance(fitted, Estimator | str | Path) else list(fitted)
    estimators = [each if isinstance(each, Estimator) else Estimator.load(each) for each in given]
    known: dict[tuple[str, str, str], Evaluation] = {}
    found = []
    for name, estimator in zip(_names(estimators), estimators):
        assessed = _assess(estimator, trials, True, samples, known, privileged=_was_given_behaviour(estimator))
        portraits = () if estimator.run_ is None else kept_portraits(estimator.run_.path)
        if estimator.run_ is not None:
            estimator.run_.write_scores([score for each in assessed for score in each.scores])
        found += [
            Subject(
                name=name if len(assessed) == 1 else f"{name}, {each.session}",
                trials={split: t for split, t in each.evaluation.trials.items()},
                inferred={split: i for split, i in each.evaluation.inferred.items()},
                baselines={n: e.inferred["test"] for n, e in each.baselines.items()},
                scores=each.scores,
                history=estimator.fitted_.history,
                config=estimator.record(),
                environment=environment() if estimator.run_ is None else estimator.run_.environment,
                portraits=[p for p in portraits if p.session == each.session],
                physics=langevin_physics(estimator.model_, each.evaluation.trials["test"])
                if has_physics(estimator.model_)
                else None,
            )
            for each in assessed
        ]
    return found


def _was_given_behaviour(estimator: Estimator) -> bool:
    """Whether all scores that lie in its run's folder are of a teacher given behaviour."""
    kept = [] if estimator.run_ is None else estimator.run_.scores()
    return bool(kept) and all(score.context.get("privileged") for score in kept)


@dataclass(frozen=True, eq=False)
class _Assessed:
    """One session's evaluation, baselines and scores."""

    session: str
    evaluation: Evaluation
    baselines: Mapping[str, Evaluation]
    scores: list[Score]


def _assess(
    estimator: Estimator,
    trials: Data | None,
    baselines: bool,
    samples: int,
    known: dict[tuple[str, str, str], Evaluation],
    metrics: Sequence[str] | None = None,
    also: Sequence[str] = (),
    kept: Path | None = None,
    privileged: bool = False,
) -> list[_Assessed]:
    """Evaluates each session; `known` keeps fitted baselines between models on the same data, `kept` is their folder."""
    kept = estimator.run_.path / "baselines" if kept is None and estimator.run_ is not None else kept
    parts = parts_of(estimator, trials)
    untrained = None
    if baselines and estimator.plan_.build_rule().iterative:
        untrained = estimator.untrained(parts.train)
    assessed = []
    for train, valid, test in zip(parts.train, parts.valid, parts.test or []):
        check_disjoint(train, test, "trials")
        splits: dict[Split, Trials] = {"train": train, "valid": valid, "test": test}
        draws = estimator.draws(test, samples)
        swap = metrics is None or "latent_use" in metrics
        evaluation = evaluation_of(estimator.model_, splits, draws, privileged, swap)
        beside: dict[str, Evaluation] = {}
        if baselines:
            beside = baseline_evaluations(estimator.plan_.model, splits, known, kept)
            if untrained is not None:
                beside["untrained"] = evaluation_of(untrained, splits, privileged=privileged, swap=swap)
            if len(test) > 1:
                beside["shuffled"] = shuffled(evaluation)
        context = {
            "data": test.name,
            "session": test.session,
            "model": estimator.plan_.model,
            "seed": estimator.plan_.seed,
            "bin_s": test.bin_s,
            "posterior_samples": draws,
            "privileged": privileged,
        }
        scores = score_all(evaluation, beside if baselines else None, metrics=metrics, also=also, context=context)
        assessed.append(_Assessed(test.session, evaluation, beside, scores))
    return assessed


def parts_of(estimator: Estimator, trials: Data | None = None) -> Parts:
    """Train, valid and test trials of a fitted model, all the same data it was fitted on; loaded again where it came from a run's folder.

    Raises:
        InvalidInput: as for `evaluate`.
    """
    given = None if trials is None else estimator.as_trials(trials)
    parts = estimator.parts_ or _recognised(estimator, given)
    test = parts.test if given is None else [t.test if _is_split(t) else t for t in given]
    if test is None:
        raise InvalidInput("trials", "none", "test trials", "The data came without a test split: give trials=.")
    names, asked = [t.session for t in parts.train], [t.session for t in test]
    if not set(asked) <= set(names) or len(set(asked)) < len(asked):
        raise InvalidInput("trials", asked, f"sessions {names}, or some of them, each once")
    places = [names.index(name) for name in asked]
    parts = Parts([parts.train[i] for i in places], [parts.valid[i] for i in places], test)
    for mine, theirs in zip(parts.train, test):
        if not np.array_equal(mine.heldin, theirs.heldin) or mine.forward != theirs.forward:
            raise InvalidInput(
                "trials",
                f"held-in units {theirs.heldin.tolist()} and {theirs.forward} forward bins",
                f"{mine.heldin.tolist()} and {mine.forward}, as in the training trials",
                "Hold units out before the trials are split.",
            )
    return parts


def _recognised(estimator: Estimator, given: Sequence[Trials] | None) -> Parts:
    """The parts of given trials that have splits, else of the trials loaded from where the run's came from: known again by their fingerprints."""
    split = given is not None and all({"train", "valid"} <= set(t.table.get("split", ())) for t in given)
    here = {t.session: t for t in given} if given is not None and split else None
    found = []
    for names, record in groups(estimator.data_, [s.name for s in estimator.model_.spec.sessions]):
        if here is None:
            sessions = [t for t in _reloaded(record) if len(names) == 1 or t.session in names]
        else:
            sessions = [here[name] for name in names if name in here]
            if not sessions:
                continue
        parts = partition(sessions, None, record.get("split_seed", estimator.plan_.seed))
        for name, each in (("train", parts.train), ("valid", parts.valid)):
            if fingerprint(each) != record[name]:
                raise InvalidInput(
                    "trials",
                    f"{name} trials that differ from those of the run",
                    "the data and splits the run was fitted on",
                    "Load the data as they were for `fit`, or give trials= with the same splits.",
                )
        found.append(parts)
    return functools.reduce(operator.add, found)


def _is_split(trials: Trials) -> bool:
    return "split" in trials.table


def _reloaded(record: Mapping[str, Any]) -> list[Trials]:
    source = record.get("source")
    if source is None:
        raise InvalidInput(
            "trials", "none, of a run whose data came from memory", "the trials it was fitted on, with their splits"
        )
    found = load(source, **record.get("options", {}))
    return [found] if isinstance(found, Trials) else found


def _with_origin(trials: Trials | list[Trials], source: str, options: Mapping[str, Any]) -> Trials | list[Trials]:
    if isinstance(trials, list):
        return [_one_with_origin(t, source, options) for t in trials]
    return _one_with_origin(trials, source, options)


def _one_with_origin(trials: Trials, source: str, options: Mapping[str, Any]) -> Trials:
    return dataclasses.replace(trials, provenance={**trials.provenance, "source": source, "options": dict(options)})


def _names(estimators: Sequence[Estimator]) -> list[str]:
    """A name for each that differs from the others': the model, then its seed, then its place."""
    names = [e.plan_.model for e in estimators]
    if len(set(names)) < len(names):
        names = [f"{name}, seed {e.plan_.seed}" for name, e in zip(names, estimators)]
    repeated = {name for name, times in Counter(names).items() if times > 1}
    return [f"{name} ({i + 1})" if name in repeated else name for i, name in enumerate(names)]
