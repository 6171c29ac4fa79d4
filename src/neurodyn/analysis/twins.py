"""What a model has found, beside the circuit behind the data and its adversarial twins, which make the same spikes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from neurodyn.analysis.fixed_points import analyse_fixed_points
from neurodyn.analysis.learned_dynamics import PENALTIES, LearnedDynamics
from neurodyn.analysis.perturbation import has_pulses, pulse_responses
from neurodyn.data.trials import Trials
from neurodyn.dynamics.equivalence_class import EquivalenceClass, Member
from neurodyn.errors import InvalidInput
from neurodyn.regression.ridge import fit_validated
from neurodyn.simulate.twins import STRUCTURES, as_twin

INPUTS = ("mean", "condition")


def has_twins(trials: Trials) -> bool:
    """Whether twins of the circuit behind the trials are known: two_area, recorded in PFC."""
    simulator = trials.provenance.get("simulator", {})
    return trials.name == "two_area" and simulator.get("recorded", "pfc") == "pfc" and "inputs" in trials.truth


def of_twin(learned: LearnedDynamics, structure: float) -> LearnedDynamics:
    """The same model on the same trials, with the truth of a twin."""
    train, valid, test = (as_twin(each, structure) for each in (learned.train, learned.valid, learned.test))
    asked = dataclasses.replace(learned, train=train, valid=valid, test=test, _kept={})
    for name in ("seen_train", "seen_test", "to_truth"):  # what a model visits, and latents, are those of all twins
        vars(asked)[name] = getattr(learned, name)
    return asked


def twin_comparison(
    learned: LearnedDynamics,
    structures: Sequence[float] = STRUCTURES,
    *,
    inputs: Sequence[str] = INPUTS,
    starts: int = 128,
) -> EquivalenceClass:
    """A model's fixed points, inputs and answers to pulses, scored against every twin and the circuit itself.

    Each twin has inputs of its own, so the constant input that stands for a mean of the model's is the twin's mean over the same bins. Nothing in the
    spikes prefers one row to another: a method that claims to find *the* dynamics claims one row of this table.

    Args:
        learned: the model and its trials.
        structures: J_S' of the twins.
        inputs: constant inputs to look for points under, of `zero`, `mean`, `period`, `condition`.
        starts: visited states to look from, for each.

    Raises:
        InvalidInput: other trials than those of two_area recorded in PFC.
    """
    if not has_twins(learned.train):
        raise InvalidInput(
            "trials", learned.train.name, "trials of two_area, recorded in PFC", "Twins are of PFC alone."
        )
    options = learned.train.provenance["simulator"]
    here = options["pfc"][0] if options.get("twin") is None else options["twin"]
    members = []
    for structure in sorted({*structures, here}):
        asked = of_twin(learned, structure)
        found = analyse_fixed_points(asked.model, asked.train, inputs, starts=starts, seed=learned.seed)
        matches = [(r.match, r.true_visited) for r in found.results if r.match is not None]
        near = sum(int(visited.sum()) for _, visited in matches)
        gaps = [m.hausdorff for m, _ in matches if m.hausdorff is not None]
        errors = [m.eigenvalue_error for m, _ in matches if m.eigenvalue_error is not None]
        pulses = float(pulse_responses(asked).r2().mean()) if has_pulses(asked) else None
        members.append(
            Member(
                f"J_S {structure:g}",
                structure == here,
                near,
                sum(int(visited[m.pairs[:, 1]].sum()) for m, visited in matches),
                sum(len(m.false) for m, _ in matches),
                float(np.mean(gaps)) if gaps else None,
                float(np.mean(errors)) if errors else None,
                _input_r2(asked),
                pulses,
            )
        )
    return EquivalenceClass(learned.train.session, tuple(members))


def _input_r2(learned: LearnedDynamics) -> float | None:
    if not learned.seen_train.drives.shape[2]:
        return None
    x, y = (
        [each[trials.mask].astype(float) for each, trials in pairs]
        for pairs in (
            ((learned.seen_train.drives, learned.train), (learned.seen_test.drives, learned.test)),
            ((learned.train.truth["inputs"], learned.train), (learned.test.truth["inputs"], learned.test)),
        )
    )
    fitted = fit_validated((x[0], y[0]), (x[0], y[0]), PENALTIES)
    left, whole = np.square(y[1] - fitted(x[1])).sum(), np.square(y[1] - y[1].mean(0)).sum()
    return float(1 - left / max(whole, 1e-300))
