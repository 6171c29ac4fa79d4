"""Two areas of the circuit with negative feedback: the input into PFC that its own activity does not tell is in PPC's messages."""

from __future__ import annotations

import numpy as np
import pytest

import neurodyn
from neurodyn import registry
from neurodyn.analysis.dynamics_measures.message_use import MessageUse
from neurodyn.analysis.learned_dynamics import LearnedDynamics
from neurodyn.baselines import evaluation_of
from neurodyn.data.trials import Trials


@pytest.mark.slow
def test_the_input_is_in_the_messages_and_they_are_used() -> None:
    options = dict(variant="recnf", recorded="both", trials=300, heldout=0, forward=0, randomness="per_trial")
    trials = neurodyn.load("two_area", **options)
    assert isinstance(trials, Trials)
    fitted = neurodyn.fit(
        "multi_area_lfads",
        trials,
        max_delay=2,
        objective={"name": "elbo", "kl_scales": {"initial_condition": 1e-6, "inputs": 3e-6}, "kl_increase_epochs": 20},
        train={"epochs": 70, "burn_in_epochs": 55, "transforms": [{"name": "replay", "stop_epoch": 50}]},
        progress=False,
    )
    evaluation = evaluation_of(fitted.model_, {"train": trials.train, "valid": trials.valid, "test": trials.test})
    metric = registry.load("metrics", "message_r2")()
    into_pfc = metric.measure(evaluation).context["into PFC"]
    beside = {name: each.context["into PFC"] for name, each in metric.simpler(evaluation).items()}
    assert into_pfc > 0.82
    assert into_pfc > beside["sender_smoothed_spikes"]
    assert into_pfc > beside["receiver_state"] + 0.3
    assert into_pfc > beside["receiver_private_inputs"] + 0.3
    learned = LearnedDynamics.of(fitted.model_, trials.train, trials.valid, trials.test)
    used = MessageUse().measure(learned)
    assert used.value > 0.001
    assert np.isfinite(used.sums).all()
