"""A causal LangevinFlow on recorded trials as it would run on a stream: bin by bin, one trial after the other, with the time that each bin took."""

from __future__ import annotations

import time

import numpy as np
import torch

from neurodyn import registry
from neurodyn.data.batch import Batch
from neurodyn.data.inference import Inference
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.models.base import Model
from neurodyn.models.langevin_flow import LangevinFlow
from neurodyn.shapes import Array, Float

_WARM_UP = 20
"""Bins before the clock starts: the first ones also pay for what the libraries set up."""


@torch.no_grad()
def run_online(model: Model, trials: Trials) -> tuple[Inference, Float[Array, " bin"]]:
    """Rates and latents [z ; v] of every bin from the bins up to it; those of forward bins, and of bins after a trial's end, by the dynamics alone.

    One stream at a time, on one thread: with so few numbers a bin, threads cost more than they gain.

    Args:
        model: a `langevin_flow` with `causal` and a decoder that looks at one bin.
        trials: of the units that the model was built for.

    Returns:
        What `Model.infer` gives with posterior means, without inputs; and the seconds of each observed bin, trial after trial, from counts on the host to
        rates on the host.

    Raises:
        InvalidInput: another model, one that needs later bins, other units, held-in counts that were not recorded, or a trial without a first bin.
    """
    if not isinstance(model, LangevinFlow):
        fix = "Fit langevin_flow with --model.causal."
        raise InvalidInput("model", registry.name_of(type(model)), "a model that runs bin by bin: langevin_flow", fix)
    session = model.session_of(trials)
    _check(trials)
    threads, was_training = torch.get_num_threads(), model.training
    torch.set_num_threads(1)
    try:
        return _run(model, trials, session)
    finally:
        torch.set_num_threads(threads)
        model.train(was_training)


def _check(trials: Trials) -> None:
    mask, known = (each[:, : trials.observed_bins] for each in (trials.mask, trials.known))
    if not mask[:, 0].all() or (mask[:, 1:] & ~mask[:, :-1]).any():
        expected = "bins that follow each other from the first on"
        raise InvalidInput("trials", "a trial that starts late, or with a gap", expected)
    if (mask[..., None] & ~(known if known.shape[2] == 1 else known[..., trials.heldin])).any():
        expected = "a count of every held-in unit in every bin"
        raise InvalidInput("trials", "held-in counts that were not recorded", expected)


def _run(model: LangevinFlow, trials: Trials, session: int) -> tuple[Inference, Array]:
    path = model.online()
    known = trials.mask[:, : trials.observed_bins].sum(1)
    rates = np.empty((len(trials), trials.bins, trials.units), np.float32)
    latents = np.empty((len(trials), trials.bins, 2 * model.size), np.float32)
    took: list[float] = []
    for trial, bins in enumerate(known):
        counts = Batch.of(trials, np.array([trial]), session).observed.neural[0].cpu()
        if trial == 0:
            for t in range(_WARM_UP):
                path.observe(counts[t % bins, None])
        path.reset()
        for t in range(bins):
            began = time.perf_counter()
            found = path.observe(counts[t, None]).cpu()
            took.append(time.perf_counter() - began)
            assert path.state is not None
            rates[trial, t], latents[trial, t] = found[0], path.state[0].cpu()
        if bins < trials.bins:
            ahead = path.ahead(int(trials.bins - bins))
            rates[trial, bins:], latents[trial, bins:] = (values[0].cpu() for values in ahead)
    return Inference(trials.bin_s, rates[:, :, np.argsort(trials.unit_order)], latents), np.array(took)
