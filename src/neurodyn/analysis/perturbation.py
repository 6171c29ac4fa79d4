"""What a model predicts of pulses into the system behind the data, beside what they do there with the same noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from neurodyn.analysis.learned_dynamics import PENALTIES, LearnedDynamics
from neurodyn.analysis.state_latents import latents_of
from neurodyn.data.trials import Trials
from neurodyn.dynamics.pulse_responses import PulseResponses
from neurodyn.errors import InvalidInput
from neurodyn.regression.ridge import LinearMap, fit_validated
from neurodyn.shapes import Array, Float
from neurodyn.simulate.perturbation import Pulse

Through = Literal["inputs", "states"]
_PARTS, _LENGTH = (0.1, 0.4, 0.7), 0.05
"""Where the usual pulses begin and how long they last, as parts of a trial."""
_SIZES_NA = (0.02, 0.05)
"""Of the usual pulses into a circuit whose inputs are in nA."""
_LEAST = 10
_LEAKS = np.linspace(0.5, 1.05, 56)
"""Factors a bin that a push may fade or grow by."""


def usual_pulses(trials: Trials) -> tuple[Pulse, ...]:
    """Pulses at 10, 40 and 70 % of the trial for 5 % of it, of two sizes and both signs along the difference of the inputs.

    Sizes are 0.02 and 0.05 nA for `two_area`, elsewhere one and two root mean squares of the true inputs on these trials.
    """
    area, sizes = "PFC", _SIZES_NA
    if trials.name == "two_area":
        area = "PPC" if set(trials.unit_table.get("area", ())) == {"PPC"} else "PFC"
    else:
        size = float(np.sqrt(np.mean(np.square(trials.truth["inputs"])))) or 1.0
        sizes = (size, 2 * size)
    length = trials.bins * trials.bin_s
    places = [round(part * trials.bins) * trials.bin_s for part in _PARTS]
    width = max(round(_LENGTH * trials.bins), 1) * trials.bin_s
    signed = [sign * size for size in sizes for sign in (1, -1)]
    return tuple(Pulse(area, "difference", at, min(width, length - at), d) for d in signed for at in places)


def driven(learned: LearnedDynamics) -> bool:
    """Whether anything that varies enters the model from outside; messages between areas, which are part of its state, do not count."""
    inside = learned.seen_train.drives[learned.train.mask]
    return bool(inside.size) and bool(np.ptp(inside, 0).any())


def has_pulses(learned: LearnedDynamics) -> bool:
    """Whether pulses can be asked about: a model with dynamics, and a known system that can be perturbed."""
    simulator = learned.simulator
    known = simulator is not None and simulator.can_be_perturbed
    return learned.model.has_dynamics and known and {"latents", "inputs"} <= set(learned.test.truth)


def pulse_responses(
    learned: LearnedDynamics,
    pulses: Sequence[Pulse] | None = None,
    through: Through | None = None,
    *,
    most: int = 250,
) -> PulseResponses:
    """The change of the true latents by pulses on the test trials, and what the model predicts of it.

    Truth: the trials run again with the pulse and the same start and noise. Model: its generator steps on from the state that was inferred for the bin before the
    pulse, under the inputs inferred without it, with the pulse and without; the difference of its factors goes through the affine map to the
    true latents. The pulse becomes a change of the model's inputs by the affine map from true inputs to the model's, fitted on train. A model
    without inputs gets it as a push of its state: the true change of the latents over the pulse's first bin, through the map from true latents to states.

    Beside it: the mean true response of the training trials (`mean_response`), and the response of linear dynamics x' = A x + B u + c that were fitted
    to the true latents and inputs of the training trials (`linear_truth`). Both know what no model is told. Through states, where the model is told the change of the
    first bin, also that push fading by one factor (`leaking_push`).

    Args:
        learned: the model and its trials.
        pulses: by default `usual_pulses`.
        through: `inputs` or `states`; by default inputs where the model has any that vary.
        most: trials that are run again: so many test trials, and training trials for what stands beside, the first ones.

    Raises:
        InvalidInput: no system that can be perturbed; a pulse outside the trial or in its first bin; fewer than 10 test trials; inputs of a model that has none.
    """
    if not has_pulses(learned):
        what = "a model with dynamics on trials of a system that can be perturbed, such as two_area"
        raise InvalidInput("trials", learned.test.name, what)
    if len(learned.test) < _LEAST:
        fix = "Give more trials, or a larger share of them to the test split."
        raise InvalidInput("test trials", len(learned.test), f"at least {_LEAST}", fix)
    simulator: Any = learned.simulator
    given = usual_pulses(learned.train) if pulses is None else tuple(pulses)
    firsts = [pulse.first_bin(learned.test.bin_s) for pulse in given]
    for pulse, first in zip(given, firsts):
        if first < 1:
            fix = f"Begin it at {learned.test.bin_s:g} s or later."
            raise InvalidInput(
                "pulse.start_s", pulse.start_s, "a pulse after the first bin, whose state is inferred", fix
            )
    test, train = (each.select(slice(0, most)) for each in (learned.test, learned.train))
    truth = test.truth["latents"].astype(float)
    after = simulator.perturbed_by(test, given)
    true = np.stack([each.latents for each in after]) - truth
    way = through or ("inputs" if driven(learned) else "states")
    push = _Push.of(learned, way)
    predicted, base = _predicted(learned, given, firsts, push, true)
    before = train.truth["latents"].astype(float)
    on_train = np.stack([each.latents for each in simulator.perturbed_by(train, given)]) - before
    mean = np.broadcast_to(on_train.mean(1)[:, None], (len(given), *truth.shape))
    beside = {"mean_response": mean, "linear_truth": _linear_response(learned, given, len(truth))}
    if way == "states":
        shares = np.stack([pulse.shares(learned.test.bins, learned.test.bin_s).mean(1) for pulse in given])
        beside["leaking_push"] = _leaking_push(on_train, true, firsts, shares)
    flips: dict[str, Array] = {}
    true_flips = None
    decide = _choice_of(learned.train)
    if decide is not None and after[0].choice is not None:
        chosen = test.table["choice"].to_numpy()
        true_flips = np.stack([np.asarray(each.choice) != chosen for each in after])
        flips = {name: _flips(decide, truth, each) for name, each in beside.items()}
        flips["predicted"] = _flips(decide, base, predicted)
    return PulseResponses(
        learned.test.session,
        learned.test.bin_s,
        tuple(pulse.label for pulse in given),
        tuple(pulse.start_s for pulse in given),
        tuple(pulse.duration_s for pulse in given),
        true,
        predicted,
        true_flips,
        flips.pop("predicted", None),
        way,
        push.r2,
        beside,
        flips,
    )


@dataclass(frozen=True, eq=False)
class _Push:
    """How a change of true inputs, or of true latents, becomes one of the model's."""

    way: Through
    map: LinearMap
    r2: float | None

    @staticmethod
    def of(learned: LearnedDynamics, way: Through) -> _Push:
        seen, mask = learned.seen_train, learned.train.mask
        name = "inputs" if way == "inputs" else "latents"
        onto = (seen.drives if way == "inputs" else seen.states)[mask]
        if way == "inputs" and not driven(learned):
            raise InvalidInput("through", way, "states, of a model without inputs")
        rows = learned.train.truth[name][mask].astype(float), onto
        found = fit_validated(rows, rows, PENALTIES)
        if way == "states":
            return _Push(way, found, None)
        left, whole = np.square(onto - found(rows[0])).sum(), np.square(onto - onto.mean(0)).sum()
        return _Push(way, found, float(1 - left / max(whole, 1e-300)))


def _predicted(
    learned: LearnedDynamics, pulses: Sequence[Pulse], firsts: Sequence[int], push: _Push, true: Array
) -> tuple[Array, Array]:
    """Change of the true latents by each pulse, and the true latents without: both as the model has them, `(pulse, trial, time, latent)`, `(trial, time, latent)`."""
    seen, to_truth, bins = learned.seen_test, learned.to_truth, learned.test.bins
    assert to_truth is not None
    trials, begin = true.shape[1], min(firsts)
    shares = np.stack([pulse.shares(bins, learned.test.bin_s).mean(1) for pulse in pulses])  # (pulse, time)
    if push.way == "inputs":
        vectors = np.stack([pulse.vector(len(push.map.weights)) @ push.map.weights for pulse in pulses])
        extra = np.broadcast_to(vectors[:, None], (len(pulses), trials, vectors.shape[1]))
    else:
        kick = np.stack([each[:, first] / shares[i, first] for i, (each, first) in enumerate(zip(true, firsts))])
        extra = kick @ push.map.weights
    extra = np.concatenate([extra, np.zeros((1, *extra.shape[1:]))])  # the last row of pulses is none
    shares = np.concatenate([shares, np.zeros((1, bins))])
    state = np.broadcast_to(seen.states[:trials, begin - 1], (len(shares), *seen.states[:trials, 0].shape))
    factors = np.empty((len(shares), trials, bins, seen.latents.shape[2]))
    factors[:, :, :begin] = seen.latents[:trials, :begin]
    for t in range(begin, bins):
        change, drive = shares[:, t, None, None] * extra, seen.drives[:trials, t]
        drives = drive + change if push.way == "inputs" else np.broadcast_to(drive, (len(shares), *drive.shape))
        rows = len(shares) * trials
        flat = learned.dynamics.step(state.reshape(rows, -1).copy(), drives.reshape(rows, drives.shape[2]).copy())
        state = flat.reshape(state.shape)
        if push.way == "states":
            state = state + change
        factors[:, :, t] = latents_of(learned.model, state, factors.shape[3])
    change = (factors[:-1] - factors[-1]) @ to_truth.weights
    change[~np.isfinite(change)] = 0.0  # runs that diverge predict nothing that can be scored
    return change, to_truth(factors[-1])


def _leaking_push(
    on_train: Float[Array, "pulse train_trial time latent"],
    true: Float[Array, "pulse trial time latent"],
    firsts: Sequence[int],
    shares: Array,
) -> Float[Array, "pulse trial time latent"]:
    """What a push does that fades (or grows) by one factor a bin, the same for all pulses, fitted to the true responses on train: it is told the push, as the model is, and knows no dynamics."""

    def course(responses: Array, leak: float) -> Array:
        found = np.zeros_like(responses)
        for i, first in enumerate(firsts):
            kick = responses[i, :, first] / shares[i, first]
            for t in range(first, responses.shape[2]):
                found[i, :, t] = leak * found[i, :, t - 1] + shares[i, t] * kick
        return found

    left = [np.square(course(on_train, leak) - on_train).sum() for leak in _LEAKS]
    return course(true, float(_LEAKS[int(np.argmin(left))]))


def _linear_response(learned: LearnedDynamics, pulses: Sequence[Pulse], trials: int) -> Array:
    """Of x' = A x + B u + c, fitted to the true latents and inputs of the training trials."""
    train, both = learned.train, learned.train.mask[:, 1:] & learned.train.mask[:, :-1]
    latents, inputs = (train.truth[name].astype(float) for name in ("latents", "inputs"))
    features = np.concatenate([latents[:, :-1], inputs[:, 1:]], 2)[both]
    rows = features, latents[:, 1:][both]
    weights = fit_validated(rows, rows, PENALTIES).weights
    size = latents.shape[2]
    move, drive = weights[:size], weights[size:]
    response = np.zeros((len(pulses), learned.test.bins, size))
    for i, pulse in enumerate(pulses):
        share, push = pulse.shares(train.bins, train.bin_s).mean(1), pulse.vector(len(drive)) @ drive
        for t in range(1, learned.test.bins):
            response[i, t] = response[i, t - 1] @ move + share[t] * push
    return np.broadcast_to(response[:, None], (len(pulses), trials, *response.shape[1:]))


def _choice_of(train: Trials) -> LinearMap | None:
    """Choice 1 where this map of the last bin's true latents is above 0; None where nothing is chosen, or always the same."""
    if "choice" not in train.table or train.table["choice"].nunique() != 2:
        return None
    chosen = train.table["choice"].to_numpy()
    rows = train.truth["latents"][:, -1].astype(float), np.where(chosen == chosen.max(), 1.0, -1.0)[:, None]
    return fit_validated(rows, rows, PENALTIES)


def _flips(decide: LinearMap, base: Float[Array, "trial time latent"], change: Array) -> Array:
    """Whether the decision differs with the change, bool `(pulse, trial)`."""
    without = decide(base[:, -1])[:, 0] > 0
    return np.asarray((decide(base[:, -1] + change[:, :, -1])[..., 0] > 0) != without)


def kept_responses(learned: LearnedDynamics) -> PulseResponses:
    """`pulse_responses` with its defaults, made once for all measures."""
    return learned.kept("pulse_responses", lambda: pulse_responses(learned))
