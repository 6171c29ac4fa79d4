"""What a fitted model scores on the trials it was not trained on, session by session and across subjects."""

from __future__ import annotations

import dataclasses
import functools
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neurodyn import registry
from neurodyn.alignment.card import ReportCard
from neurodyn.analysis.alignment import alignment_rows, aligns
from neurodyn.analysis.dynamics_measures.base import dynamics_scores
from neurodyn.analysis.learned_dynamics import LearnedDynamics
from neurodyn.baselines import baseline_evaluations, evaluation_of
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.estimator import Data, Estimator
from neurodyn.loading import load
from neurodyn.metrics.base import Evaluation, Score, Split, score_all, shuffled
from neurodyn.training.partition import Parts, check_disjoint, fingerprint, groups, partition


@dataclass(frozen=True, eq=False)
class Assessed:
    """One session's evaluation, baselines and scores."""

    session: str
    evaluation: Evaluation
    baselines: Mapping[str, Evaluation]
    scores: list[Score]


def assess(
    estimator: Estimator,
    trials: Data | None,
    baselines: bool,
    samples: int,
    known: dict[tuple[str, str, str], Evaluation],
    metrics: Sequence[str] | None = None,
    also: Sequence[str] = (),
    kept: Path | None = None,
    privileged: bool = False,
) -> tuple[list[Assessed], ReportCard | None]:
    """Evaluates each session, and how well subjects align where the model aligns any.

    Args:
        estimator, trials, samples, metrics, also, privileged: as for `evaluate`.
        baselines: whether to fit and score them; a report card is not made without.
        known: fitted baselines of earlier calls on the same data; added to in place.
        kept: folder of fitted baselines; by default in the run's.
    """
    kept = estimator.run_.path / "baselines" if kept is None and estimator.run_ is not None else kept
    whole, given = _all_parts(estimator, trials)
    parts = _asked(estimator, trials, whole, given)
    per_session = None if metrics is None else [name for name in metrics if name in registry.names("metrics")]
    alone = per_session is None or bool(per_session)  # whether sessions are scored by themselves at all
    dynamics, optional = ([name for name in given or () if name in _dynamics()] for given in (metrics, also))
    untrained = None
    if baselines and (alone or dynamics) and parts.train and estimator.plan_.build_rule().iterative:
        untrained = estimator.untrained(parts.train)
    assessed = []
    for train, valid, test in zip(parts.train, parts.valid, parts.test or []):
        check_disjoint(train, test, "trials")
        splits: dict[Split, Trials] = {"train": train, "valid": valid, "test": test} if alone else {"test": test}
        draws = estimator.draws(test, samples) if alone else 0
        swap = per_session is None or "latent_use" in per_session
        evaluation = evaluation_of(estimator.model_, splits, draws, privileged, swap)
        beside: dict[str, Evaluation] = {}
        if baselines and alone:
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
        scores = score_all(evaluation, beside if baselines else None, metrics=per_session, also=also, context=context)
        if dynamics or optional:
            asked = LearnedDynamics.of(estimator.model_, train, valid, test, estimator.plan_.seed)
            before = None if untrained is None else LearnedDynamics.of(untrained, train, valid, test, asked.seed)
            scores += dynamics_scores(asked, dynamics, before, optional=optional, context=context)
        assessed.append(Assessed(test.session, evaluation, beside, scores))
    card = None
    rest = None if metrics is None else set(metrics) - {*(per_session or ()), *dynamics}
    if baselines and aligns(estimator.model_) and (rest is None or rest):
        card = _card(estimator, dataclasses.replace(parts, train=whole.train, valid=whole.valid), metrics)
    return assessed, card


def _dynamics() -> tuple[str, ...]:
    return registry.names("dynamics_measures")


def _card(estimator: Estimator, parts: Parts, metrics: Sequence[str] | None) -> ReportCard | None:
    """The report card of a model that aligns subjects; None where no two can be compared. Its trained control is the run's own: it lies in the run's folder."""
    rows = alignment_rows(estimator, parts, None if estimator.run_ is None else estimator.run_.path / "baselines")
    if rows is None:
        return None
    name, first = next(iter(rows.rows.items()))
    context = {"model": estimator.plan_.model, "seed": estimator.plan_.seed, "bin_s": parts.train[0].bin_s}
    wanted = None if metrics is None else [each for each in metrics if each in registry.names("alignment_measures")]
    return ReportCard(rows.scores(context, wanted), first, name)


def parts_of(estimator: Estimator, trials: Data | None = None) -> Parts:
    """Train, valid and test trials of a fitted model, all the same data it was fitted on; loaded again where it came from a run's folder.

    Sessions that took no part in training are in `unseen`: those that its data hold out whole, or those of `trials` that it does not know.

    Raises:
        InvalidInput: as for `evaluate`.
    """
    return _asked(estimator, trials, *_all_parts(estimator, trials))


def _all_parts(estimator: Estimator, trials: Data | None) -> tuple[Parts, list[Trials] | None]:
    """The parts of all sessions it was fitted on, and the trials given."""
    given = None if trials is None else estimator.as_trials(trials)
    return estimator.parts_ or _recognised(estimator, given), given


def _asked(estimator: Estimator, trials: Data | None, parts: Parts, given: list[Trials] | None) -> Parts:
    """The parts of the sessions that are asked for."""
    names, unseen, test = [t.session for t in parts.train], parts.unseen, parts.test
    if given is not None:
        unseen = [t for t in given if t.session not in names]
        known = [t for t in given if t.session in names]
        test = [t.test if _is_split(t) else t for t in known if not unseen or not _is_split(t) or _has_test(t)]
        if unseen and not aligns(estimator.model_):
            raise InvalidInput("trials", [t.session for t in unseen], f"sessions {names}, or some of them, each once")
        unseen = [t if _is_split(t) else dataclasses.replace(t, table=t.table.assign(split="test")) for t in unseen]
    if test is None and not unseen:
        raise InvalidInput("trials", "none", "test trials", "The data came without a test split: give trials=.")
    test = test or []
    asked = [t.session for t in test]
    if len(set(asked)) < len(asked):
        raise InvalidInput("trials", asked, f"sessions {names}, or some of them, each once")
    places = [names.index(name) for name in asked]
    parts = Parts([parts.train[i] for i in places], [parts.valid[i] for i in places], test, unseen)
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
            sessions = [t for t in _reloaded(record) if len(names) == 1 or t.session in names or _held_out(t)]
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


def _held_out(trials: Trials) -> bool:
    """Whether a session takes no part in training: its trials have splits, and none of them is `train`."""
    return _is_split(trials) and "train" not in set(trials.table["split"])


def _has_test(trials: Trials) -> bool:
    return "test" in set(trials.table["split"])


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
