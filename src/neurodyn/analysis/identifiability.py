"""What of the inputs is identified: inferred inputs of several fits on the same trials, beside each other, their states and the truth."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from neurodyn import registry
from neurodyn.analysis.learned_dynamics import PENALTIES, LearnedDynamics
from neurodyn.analysis.visited import visited
from neurodyn.baselines import evaluation_of
from neurodyn.data.batch import Batch
from neurodyn.data.trials import Trials
from neurodyn.dynamics.input_agreement import InputAgreement, RunInputs
from neurodyn.errors import InvalidInput
from neurodyn.estimator import Estimator
from neurodyn.metrics._mapped_r2 import mapped_r2
from neurodyn.metrics.base import Evaluation, Metric, other_trials
from neurodyn.regression.ridge import fit_validated
from neurodyn.shapes import Array
from neurodyn.simulate.decision_circuit import mirrored_block
from neurodyn.simulate.known import simulator_of
from neurodyn.simulate.twins import STRUCTURES
from neurodyn.simulate.two_area import TwoArea

_SCORES = ("co_bps", "rate_r2", "input_r2_forward", "input_gain_over_state")
_UNTOLD = ("seed", "train.", "data")
"""Settings that do not set groups apart: the seed, and how training ran."""


@dataclass(frozen=True, eq=False)
class Fit:
    """One fit and its trials."""

    name: str
    learned: LearnedDynamics
    settings: Mapping[str, Any]
    """Every setting of the fit, by its dotted name."""

    @staticmethod
    def of(name: str, estimator: Estimator, train: Trials, valid: Trials, test: Trials) -> Fit:
        """Of a fitted estimator and the trials of one session."""
        settings = dict(_flat(estimator.plan_.as_mapping()))
        return Fit(name, LearnedDynamics.of(estimator.model_, train, valid, test, estimator.plan_.seed), settings)


def input_identifiability(fits: Sequence[Fit]) -> InputAgreement:
    """The inferred inputs of several fits on the same test trials.

    All fits are run on the first one's trials: maps between them are fitted on its training trials, with a ridge chosen on its validation trials,
    and scored on its test trials, which no fit may have been trained on.

    Args:
        fits: of models that infer inputs. They are grouped by the settings in which they differ, seeds and training apart.

    Raises:
        InvalidInput: no fits; two of one name; a model without inferred inputs; other test trials than the first fit's; fewer than four of them.
    """
    if not fits:
        raise InvalidInput("runs", "none", "at least one; two or more to compare")
    names = [fit.name for fit in fits]
    if len(set(names)) < len(names):
        raise InvalidInput("runs", ", ".join(names), "each run once")
    first = fits[0].learned
    if len(first.test) < 4:
        raise InvalidInput(
            "test trials", len(first.test), "at least 4", "Give the test split a larger share of the trials."
        )
    told = _differing(fits)
    parts = {"train": first.train, "valid": first.valid, "test": first.test}
    evaluations = []
    for fit in fits:
        _check(fit, fits[0])
        evaluation = evaluation_of(fit.learned.model, parts)  # type: ignore[arg-type]
        if evaluation.inferred["test"].inputs is None:
            fix = "Fit a model with inferred inputs, such as lfads with model.inferred_inputs=1."
            raise InvalidInput("runs", f"{fit.name}, which infers no inputs", "models that infer inputs", fix)
        evaluations.append(evaluation)
    runs = tuple(_of(fit, told[i], evaluation, first) for i, (fit, evaluation) in enumerate(zip(fits, evaluations)))
    r2, shuffled, state = _agreement(evaluations)
    return InputAgreement(runs, r2, shuffled, state)


# -- each fit -------------------------------------------------------------------------------------------------------


def _of(fit: Fit, group: str, evaluation: Evaluation, first: LearnedDynamics) -> RunInputs:
    test = evaluation.trials["test"]
    inputs = evaluation.inferred["test"].inputs
    assert inputs is not None
    scores = {}
    for name in _SCORES:
        metric: Metric = registry.load("metrics", name)()
        if metric.applies(evaluation):
            scores[name] = metric.measure(evaluation).value
    scale = fit.settings.get("objective_config.kl_scale")
    return RunInputs(
        name=fit.name,
        group=group,
        dimensions=inputs.shape[2],
        used=_participation(inputs[test.mask]),
        kl_nats=_kl(fit.learned, test),
        kl_scale=None if scale is None else float(scale),
        identified_energy=_energy(fit.learned, test),
        scores=scores,
        twins=_twins(evaluation),
    )


def _participation(rows: Array) -> float:
    """(Σ λ)² / Σ λ² over the eigenvalues of the covariance; 0 for what does not vary."""
    values = np.linalg.eigvalsh(np.atleast_2d(np.cov(rows.T.astype(float))))
    total = float(np.square(values).sum())
    return float(values.sum() ** 2 / total) if total > 1e-300 else 0.0


@torch.no_grad()
def _kl(learned: LearnedDynamics, test: Trials) -> dict[str, float]:
    """Mean KL a trial of every posterior, in nats."""
    output = learned.model(Batch.of(test, np.arange(len(test)), learned.model.session_of(test)).observed)
    return {name: float(value.mean()) for name, value in output.kl.items()}


def _energy(learned: LearnedDynamics, test: Trials) -> float | None:
    """Var(F(g, u) − F(g, 0)) / Var(g' − g) over test bins, the known inputs left in; None for a model without dynamics."""
    if not learned.model.has_dynamics:
        return None
    seen = visited(learned.model, test)
    both = seen.mask[:, 1:] & seen.mask[:, :-1]
    before, after, drive = seen.states[:, :-1][both], seen.states[:, 1:][both], seen.drives[:, 1:][both]
    without = drive.copy()
    without[:, : seen.inferred] = 0
    made = learned.dynamics.step(before, drive) - learned.dynamics.step(before, without)
    change = float((after - before).var(0).sum())
    return float(made.var(0).sum() / change) if change > 0 else 0.0


def _twins(evaluation: Evaluation) -> dict[str, tuple[float, float]]:
    """R² and gain over the state for the inputs of each circuit that makes these trials, the one that did first; empty where no twins are known."""
    area = simulator_of(evaluation.trials["train"])
    if not isinstance(area, TwoArea) or area.config.recorded != "pfc":
        return {}
    tone = area.config.pfc[1]
    own = area.config.pfc[0] if area.config.twin is None else area.config.twin
    found = {}
    for structure in dict.fromkeys((own, area.config.pfc[0], *STRUCTURES)):
        change = mirrored_block(own, tone) - mirrored_block(structure, tone)
        trials = {
            split: dataclasses.replace(
                each, truth={**each.truth, "inputs": each.truth["inputs"] + each.truth["latents"] @ change}
            )
            for split, each in evaluation.trials.items()
        }
        twin = Evaluation(trials, evaluation.inferred)
        r2 = mapped_r2(twin, "inputs", to_truth=True).value
        gain: Metric = registry.load("metrics", "input_gain_over_state")()
        label = f"the circuit itself (J_S {structure:g})" if structure == own else f"its twin with J_S' {structure:g}"
        found[label] = r2, gain.measure(twin).value
    return found


# -- pairs ----------------------------------------------------------------------------------------------------------


def _agreement(evaluations: Sequence[Evaluation]) -> tuple[Array, Array, Array]:
    """R² from each fit's inputs, from its inputs of other trials, and from its latents, to every other fit's inputs."""
    trials = evaluations[0].trials
    masks = {split: part.mask for split, part in trials.items()}
    partner = {split: other_trials(len(part)) for split, part in trials.items()}
    number = len(evaluations)
    found = np.full((3, number, number), np.nan)

    def rows(evaluation: Evaluation, split: str, name: str, order: Array | None = None) -> Array:
        values = getattr(evaluation.inferred[split], name)  # type: ignore[index]
        return np.asarray((values if order is None else values[order])[masks[split]], float)  # type: ignore[index]

    for j, other in enumerate(evaluations):
        target = {split: rows(other, split, "inputs") for split in trials}
        about = np.square(target["test"] - target["test"].mean(0)).sum()
        for i, evaluation in enumerate(evaluations):
            if i == j:
                continue
            for k, (name, moved) in enumerate((("inputs", False), ("inputs", True), ("latents", False))):
                if getattr(evaluation.inferred["test"], name) is None:
                    continue
                source = {s: rows(evaluation, s, name, partner[s] if moved else None) for s in trials}
                fitted = fit_validated(
                    (source["train"], target["train"]), (source["valid"], target["valid"]), PENALTIES
                )
                left = np.square(target["test"] - fitted(source["test"])).sum()
                found[k, i, j] = 1 - left / about if about > 0 else 0.0
    return found[0], found[1], found[2]


# -- which are alike ------------------------------------------------------------------------------------------------


def _check(fit: Fit, first: Fit) -> None:
    one, other = fit.learned.test, first.learned.test
    if one.counts.shape != other.counts.shape or not np.array_equal(one.counts, other.counts):
        fix = "Compare runs that were fitted to the same data with the same splits."
        raise InvalidInput(
            "runs", f"{fit.name}, with other test trials than {first.name}", "runs on the same trials", fix
        )


def _differing(fits: Sequence[Fit]) -> list[str]:
    """`inferred_inputs=1, kl_scale=0.1`: the settings in which fits differ, by their last name; empty where they differ in none."""
    names = list(dict.fromkeys(name for fit in fits for name in fit.settings))
    telling = [
        name
        for name in names
        if not name.startswith(_UNTOLD) and len({repr(fit.settings.get(name)) for fit in fits}) > 1
    ]
    last = [name.rsplit(".", 1)[-1] for name in telling]
    short = [end if last.count(end) == 1 else name for name, end in zip(telling, last)]
    return [", ".join(f"{s}={fit.settings.get(name)}" for name, s in zip(telling, short)) for fit in fits]


def _flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value
