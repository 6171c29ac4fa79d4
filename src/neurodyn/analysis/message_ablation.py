"""What the messages between areas are worth to a model of several: how much worse it predicts the receiver's spikes without them."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodyn import registry
from neurodyn.analysis.learned_dynamics import LearnedDynamics
from neurodyn.data.inference import trials_at_a_time
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.models.multi_area_lfads import MultiAreaLFADS
from neurodyn.shapes import Array, Float

FLOOR = 1e-9
"""What a rate of exactly 0 is taken for, in expected counts per bin."""


@dataclass(frozen=True, eq=False)
class Loss:
    """What is lost without some messages, in nats of the receiving areas' spikes, trial by trial."""

    held: Float[Array, " trial"]
    """With each of them held at its mean over the training trials: what does not vary cannot be told apart from a bias."""
    zeroed: Float[Array, " trial"]
    """With each of them zero. It also loses the mean, and throws the receiver out of the states it knows."""
    spikes: Float[Array, " trial"]
    """Spikes of the receiving areas."""

    def bits_per_spike(self, lost: Array) -> float:
        """Of all trials together, in bits per spike of the receiving areas."""
        return float(lost.sum() / max(self.spikes.sum(), 1) / np.log(2))


@dataclass(frozen=True, eq=False)
class MessageAblation:
    """What the test trials lose without each message, and without all."""

    messages: tuple[tuple[str, str], ...]
    """Sender and receiver of each."""
    delays_s: tuple[float, ...]
    """Mean learned delay of each, in seconds."""
    each: tuple[Loss, ...]
    """Without one of them alone: of the receiving area."""
    all: Loss
    """Without any of them: of all areas."""

    def as_mapping(self) -> dict[str, Any]:
        """For JSON; bits per spike."""
        named = [(f"{sender} to {receiver}", loss) for (sender, receiver), loss in zip(self.messages, self.each)]
        found = {
            name: {
                "held_at_mean": loss.bits_per_spike(loss.held),
                "zeroed": loss.bits_per_spike(loss.zeroed),
            }
            for name, loss in [*named, ("all", self.all)]
        }
        for (name, _), delay in zip(named, self.delays_s):
            found[name]["delay_ms"] = 1000 * delay
        return {"unit": "bits per spike of the receiving area that are lost on test trials", "messages": found}

    def table(self) -> tuple[str, list[str], list[list[str]], str]:
        """Title, headings, rows and a note, for the command line."""
        headings = ["message", "delay, ms", "bits per spike lost, held at its mean", "zeroed"]
        found: dict[str, dict[str, float]] = self.as_mapping()["messages"]
        rows = [
            [name, f"{v['delay_ms']:.1f}" if "delay_ms" in v else "", f"{v['held_at_mean']:.4f}", f"{v['zeroed']:.4f}"]
            for name, v in found.items()
        ]
        note = "Of the receiving area's spikes, test trials, posterior means; `all` of all areas' spikes."
        return "What is lost without messages", headings, rows, note


def has_messages(learned: LearnedDynamics) -> bool:
    """Whether the model sends messages between areas, and its trials are spikes."""
    model, test = learned.model, learned.test
    spikes = test.neural_name is not None and test.neural.kind == "spikes"
    return isinstance(model, MultiAreaLFADS) and model.message_width > 0 and spikes


def message_ablation(learned: LearnedDynamics) -> MessageAblation:
    """Cuts every message of a model in turn, and all of them, and scores what is left on test trials.

    The likelihood is Poisson's at posterior means; all units of an area count, held-out ones and forward bins too.

    Raises:
        InvalidInput: a model without messages, or trials without spikes.
    """
    model = learned.model
    if not has_messages(learned):
        fix = "Fit multi_area_lfads with model.messages=all to spikes of several areas."
        raise InvalidInput("model", registry.name_of(type(model)), "a model of spikes with messages between areas", fix)
    assert isinstance(model, MultiAreaLFADS)
    return learned.kept("message_ablation", lambda: _ablated(model, learned.train, learned.test))


def _ablated(model: MultiAreaLFADS, train: Trials, test: Trials) -> MessageAblation:
    area = np.array(model.spec.only.unit_areas)
    messages = tuple((sender, receiver) for receiver in model.areas.names for sender in model.senders(receiver))
    inferred = model.infer(train, batch_size=trials_at_a_time(train))
    means = {
        (sender, receiver): inferred.extra[f"message_{sender}_to_{receiver}"][train.mask].mean(0).tolist()
        for sender, receiver in messages
    }
    whole = _log_likelihood(model, test)

    def without(cut: Sequence[tuple[str, str]], units: np.ndarray) -> Loss:
        lost = []
        for constants in (means, dict.fromkeys(messages, ())):
            with contextlib.ExitStack() as stack:
                for sender, receiver in cut:
                    stack.enter_context(model.cut(sender, receiver, constants[sender, receiver]))
                lost.append((whole - _log_likelihood(model, test))[:, units].sum(1))
        counts = np.where(test.known, test.counts, 0)[..., units]
        return Loss(lost[0], lost[1], counts.sum((1, 2)).astype(float))

    shares = {name: weights.double().cpu().numpy() for name, weights in model.delays().items()}
    delays = [float(share @ np.arange(1, len(share) + 1)) * test.bin_s for share in shares.values()]
    each = tuple(without([pair], area == pair[1]) for pair in messages)
    return MessageAblation(messages, tuple(delays), each, without(messages, np.ones(len(area), bool)))


def _log_likelihood(model: MultiAreaLFADS, trials: Trials) -> Float[Array, "trial unit"]:
    """Poisson log likelihood summed over bins, without ln n!."""
    rates = model.infer(trials, batch_size=trials_at_a_time(trials)).rates
    assert rates is not None
    values = np.maximum(rates.astype(np.float64), FLOOR)
    each = np.where(trials.known, trials.counts * np.log(values) - values, 0)
    return np.asarray(each.sum(1))
