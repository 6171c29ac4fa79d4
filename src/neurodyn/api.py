"""The verbs: load, fit, adapt, zero_shot, calibrate, evaluate, compare, report."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurodyn import registry
from neurodyn.activities import Source, gather
from neurodyn.analysis.fixed_points import kept_portraits
from neurodyn.analysis.langevin import has_physics, langevin_physics
from neurodyn.analysis.weight_change import weight_change
from neurodyn.assessment import assess
from neurodyn.comparison.compare import DEFAULT_MEASURES, measures_of
from neurodyn.comparison.compare import compare as compare_activities
from neurodyn.comparison.comparison import Comparison
from neurodyn.comparison.lags import shared_lags
from neurodyn.comparison.preparation import Preparation, Scale
from neurodyn.data.averages import samples_within
from neurodyn.errors import InvalidInput, UnknownName
from neurodyn.estimator import Data, Estimator
from neurodyn.loading import load as load
from neurodyn.metrics.base import Evaluation, Score
from neurodyn.models.base import Model
from neurodyn.similarity.measures.base import SimilarityMeasure
from neurodyn.training.answers import kept_answers
from neurodyn.training.config import TrainConfig
from neurodyn.training.kept import ErrorsOverTraining, GradientAlignment, SimilarityOverTraining
from neurodyn.training.run import environment

if TYPE_CHECKING:
    from neurodyn.reporting.subject import Subject


def fit(
    model: str | type[Model],
    trials: Data,
    *,
    valid: Data | None = None,
    rule: str | Mapping[str, Any] | None = None,
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
    return _estimator(fitted).adapt(trials, valid=valid, train=train, seed=seed, out=out)


def zero_shot(fitted: Estimator | str | Path, trials: Data) -> Estimator:
    """A trained model with subjects it never saw, known by their activity alone: `zero_shot(fitted, trials)`. The arguments are those of `Estimator.zero_shot`.

    Args:
        fitted: a fitted estimator, or a run's folder.

    Raises:
        InvalidInput: as for `Estimator.zero_shot`.
    """
    return _estimator(fitted).zero_shot(trials)


def calibrate(
    fitted: Estimator | str | Path, trials: Data, *, count: int | None = None, out: str | Path | None = None
) -> Estimator:
    """A trained model with subjects that a few trials tell it, in closed form: `calibrate(fitted, trials, count=4)`. The arguments are those of `Estimator.calibrate`.

    Args:
        fitted: a fitted estimator, or a run's folder.

    Raises:
        InvalidInput: as for `Estimator.calibrate`.
    """
    return _estimator(fitted).calibrate(trials, count=count, out=out)


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
    latents: bool = True,
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
        metrics: names of the metrics and measures of dynamics; by default all metrics that apply and do not take long.
        also: metrics and measures of dynamics on request, measured beside the default ones where they apply.
        privileged: hands a teacher the behaviour of the trials it infers. What it then scores is a reference, not what can be had without behaviour;
            the scores say so in `context["privileged"]`.
        fitted_baselines: baselines that earlier calls fitted (start with `{}`), so that models on the same data share them; added to in place.
        baselines_folder: where fitted baselines are kept on disk, for runs in other processes too; by default in the run's folder.
        latents: false leaves latents out of `outputs.h5`, where those of many units over many trials take much room.

    Raises:
        UnknownName: no such metric.
        InvalidInput: no test trials are known, they hold out other units or forward bins, a test trial was trained on, the run's data have
            changed since, or `privileged` for a model that is no teacher.
    """
    estimator = _estimator(fitted)
    kinds = ("metrics", "alignment_measures", "dynamics_measures")
    known_names = tuple(name for kind in kinds for name in registry.names(kind))
    for name in (*(metrics or ()), *also):
        if name not in known_names:
            raise UnknownName("metric", name, known_names)
    known = {} if fitted_baselines is None else fitted_baselines
    kept = Path(baselines_folder) if baselines_folder is not None else None
    assessed, card = assess(estimator, trials, baselines, samples, known, metrics, also, kept, privileged)
    scores = [*(score for each in assessed for score in each.scores), *(card.scores if card is not None else ())]
    if estimator.run_ is not None:
        several = len(estimator.model_.spec.sessions) > 1
        estimator.run_.write_scores(
            scores, keep=metrics is not None or len(assessed) < len(estimator.model_.spec.sessions)
        )
        written = {f"{a.session}/test" if several else "test": a.evaluation.inferred["test"] for a in assessed}
        if not latents:
            written = {name: dataclasses.replace(inferred, latents=None) for name, inferred in written.items()}
        estimator.run_.write_outputs(written)
    return scores


def compare(
    activities: Sequence[Source] | Mapping[str, Source],
    measures: str | Sequence[str | Mapping[str, Any] | SimilarityMeasure] = DEFAULT_MEASURES,
    *,
    reference: str | None = None,
    window_s: tuple[float, float] | None = None,
    lag_s: float = 0.0,
    lags_s: tuple[float, float] | None = None,
    scale: Scale = "raw",
    without_mean: bool = False,
    untrained: bool = True,
    draws: int | None = None,
    seed: int = 0,
    progress: bool = False,
    device: str = "cpu",
) -> Comparison:
    """How alike activities are, by any measures: `compare(["hatsopoulos2007", "runs/bptt", "runs/eprop"])`.

    All pairs, and all against one reference with the value on held-out conditions, its interval, and its baselines: the network untrained, the reference's
    cross-condition average, conditions and times shuffled, chance, and a noise ceiling where there are single trials.

    Args:
        activities: two or more, or a mapping that names them: arrays `(condition, time, unit)` or `(sample, unit)`, activities, trials, fitted estimators, or text: a run's folder,
            `FILE:KEY`, a data set's name (see `neurodyn.activities.activities_of`).
        measures: names, with options after colons (`procrustes:alpha=0.5`), or measures.
        reference: the activity that the others are scored against, by name or as given; by default the first.
        window_s: first and last sample of the reference that are compared, in seconds from the event it is aligned to. The others give the same window.
        lag_s: how much later the others are looked at.
        lags_s: least and largest of a range of lags at which every measure is looked at besides.
        scale: `raw`, `zscore` or `soft` (see `neurodyn.comparison.preparation.Preparation`).
        without_mean: take out the mean over conditions.
        untrained: look at networks before training too.
        draws: bootstrap draws; by default each measure's own number, 0 gives no intervals.
        seed: of draws and shuffled baselines.
        progress: draw progress bars on stderr.
        device: where measures that are computed in batches do so.

    Raises:
        UnknownName: no such measure, activity, array or data set.
        MissingData: a file, run or data set that is not on this machine.
        InvalidInput: activities with other numbers of conditions or time points, with values that are not finite or do not vary, or what a measure cannot take.
    """
    chosen, preparation = measures_of(measures), Preparation(scale, without_mean)
    gathered = gather(activities, untrained=untrained)
    found, place = gathered.activities, gathered.place(reference)
    if window_s is not None:
        whole = found[place]
        if whole.bin_s is None:
            raise InvalidInput("window_s", f"{whole.name}, which has no clock", "a reference with bin_s and start_s")
        found[place] = whole.take(bins=samples_within(whole.time_s, window_s, "window_s"))
    others = [each for i, each in enumerate(found) if i != place]
    return compare_activities(
        found,
        chosen,
        reference=found[place].name,
        untrained=gathered.untrained,
        lag_s=lag_s,
        lags_s=None if lags_s is None else shared_lags(found[place], others, *lags_s),
        preparation=preparation,
        draws=draws,
        seed=seed,
        progress=progress,
        device=device,
    )


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
    estimators = [_estimator(each) for each in given]
    known: dict[tuple[str, str, str], Evaluation] = {}
    found = []
    for name, estimator in zip(_names(estimators), estimators):
        assessed, card = assess(estimator, trials, True, samples, known, privileged=_was_given_behaviour(estimator))
        kept = None if estimator.run_ is None else estimator.run_.path
        portraits, answers = ((), ()) if kept is None else (kept_portraits(kept), kept_answers(kept))
        if estimator.run_ is not None:
            across = () if card is None else card.scores
            estimator.run_.write_scores([*(score for each in assessed for score in each.scores), *across])
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
                answers=[answer for answer in answers if answer.session == each.session],
                physics=langevin_physics(estimator.model_, each.evaluation.trials["test"])
                if has_physics(estimator.model_)
                else None,
                card=card if each is assessed[0] else None,
                spectrum=weight_change(estimator),
                errors=None if kept is None else ErrorsOverTraining.read(kept),
                gradients=None if kept is None else GradientAlignment.read(kept),
                similarity=None if kept is None else SimilarityOverTraining.read(kept),
            )
            for each in assessed
        ]
    return found


def _estimator(fitted: Estimator | str | Path) -> Estimator:
    return fitted if isinstance(fitted, Estimator) else Estimator.load(fitted)


def _was_given_behaviour(estimator: Estimator) -> bool:
    """Whether all scores that lie in its run's folder are of a teacher given behaviour."""
    kept = [] if estimator.run_ is None else estimator.run_.scores()
    return bool(kept) and all(score.context.get("privileged") for score in kept)


def _names(estimators: Sequence[Estimator]) -> list[str]:
    """A name for each that differs from the others': the model, then its seed, then its place."""
    names = [e.plan_.model for e in estimators]
    if len(set(names)) < len(names):
        names = [f"{name}, seed {e.plan_.seed}" for name, e in zip(names, estimators)]
    repeated = {name for name, times in Counter(names).items() if times > 1}
    return [f"{name} ({i + 1})" if name in repeated else name for i, name in enumerate(names)]
