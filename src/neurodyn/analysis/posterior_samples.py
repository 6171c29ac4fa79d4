"""Activity drawn from a fitted model: the posterior of each trial, then noise of its own."""

from __future__ import annotations

import numpy as np
import torch

from neurodyn.data.batch import Batch
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.models.base import Model
from neurodyn.shapes import Array, Float

_AT_A_TIME = 256


@torch.no_grad()
def sampled_activity(model: Model, trials: Trials, seed: int = 0) -> Float[Array, "trial time unit"]:
    """One posterior sample of each trial (initial condition and inputs), decoded, and a draw from the likelihood; units in recorded order.

    What the posterior puts into the inputs of a trial is kept: the samples have the data's averages. Draws from the prior would have one average for all
    conditions, unless the prior knows of them.

    Raises:
        InvalidInput: a model that predicts nothing of the population; other units than it was built for.
    """
    session, was_training, name = model.session_of(trials), model.training, trials.neural_name or ""
    device = next((t.device for t in (*model.parameters(), *model.buffers())), torch.device("cpu"))
    observation, parts = model.observation(name, session), []
    model.eval()
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []), model.sampling():
            torch.manual_seed(seed)
            for start in range(0, len(trials), _AT_A_TIME):
                rows = np.arange(start, min(start + _AT_A_TIME, len(trials)))
                predicted = model(Batch.of(trials, rows, session).to(device).observed).predictions
                if name not in predicted:
                    raise InvalidInput("model", f"no predictions of {name!r}", "a model of the population's activity")
                parts.append(observation.sample(predicted[name]).double().cpu().numpy())
    finally:
        model.train(was_training)
    found = np.empty((len(trials), *parts[0].shape[1:]))
    found[..., trials.unit_order] = np.concatenate(parts)
    return found
