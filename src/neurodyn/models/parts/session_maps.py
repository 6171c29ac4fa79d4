"""Where the maps of one session start: from its units to the shared channels, and from factors to its units."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from neurodyn.data.batch import Batch, Observed
from neurodyn.data.trials import Trials
from neurodyn.models.base import Output
from neurodyn.models.parts.read_in import ReadIn
from neurodyn.models.parts.standardise import Standardise
from neurodyn.models.parts.stitching import UnitMap
from neurodyn.models.readouts.base import Readout
from neurodyn.models.readouts.linear import Linear
from neurodyn.observations.base import Observation

LEAST_COUNT = 1e-3
"""Added to a unit's mean count before its logarithm and its reciprocal are taken."""
_TELLING_TRIALS = 512
"""Trials that a readout is fitted to before training, at most."""
_ITERATIONS = 50
_PENALTY = 1e-2
"""Of a readout's squared weights, relative to the variance of the factors' leading principal component."""


def start_at_means(read_in: ReadIn, readout: Readout, observation: Observation, trials: Trials) -> None:
    """Standardises what the read-in sees by its training trials, and starts the readout at the mean of every unit."""
    standardise_by(read_in.standardise, trials)
    readout.start(mean_parameters(observation, trials))


def standardise_by(standardise: Standardise, trials: Trials) -> None:
    """Takes mean and scale of every held-in unit from its recorded entries in the observed bins of training trials."""
    seen, heldin = trials.observed_bins, torch.as_tensor(trials.heldin)
    rows = torch.as_tensor(trials.mask[:, :seen])
    values = torch.as_tensor(trials.neural.values[:, :seen], dtype=torch.float64)[:, :, heldin][rows]
    known = torch.as_tensor(trials.known[:, :seen])
    known = (known[:, :, heldin] if known.shape[2] > 1 else known)[rows]
    standardise.fit(values if bool(known.all()) else values.masked_fill(~known, torch.nan))


def mean_parameters(observation: Observation, trials: Trials) -> Tensor:
    """The likelihood's parameters of every unit's mean over the entries that were recorded, `(unit, parameter)`, held-in units first."""
    values = torch.as_tensor(trials.neural.values[:], dtype=torch.float64)[:, :, torch.as_tensor(trials.unit_order)]
    known = torch.as_tensor(trials.known[..., trials.unit_order] if trials.known.shape[2] > 1 else trials.known)
    mean = values.masked_fill(~known, 0).sum((0, 1)) / known.sum((0, 1)).clamp_min(1)
    if trials.neural.kind == "spikes":  # a silent unit has a log rate too; fluorescence may lie below zero
        mean = mean.clamp_min(1e-4)
    parameters: Tensor = observation.from_mean(mean)
    return parameters


@torch.no_grad()
def start_aligned(
    read_in: ReadIn, readout: Readout, observation: Observation, unit_map: UnitMap, *, published: bool = False
) -> None:
    """Starts a session's read-in at its map and, where there are as many factors as shared channels, its readout at the way back.

    Factors that equal the shared channels then read out as the session's mean activity, to first order: with mean activity b and its slopes V along
    the channels, bias θ(b) and weights V θ'(b), where θ(b) are the likelihood's parameters of a mean; for Poisson ln(b + 1e-3) and V / (b + 1e-3).
    Factors beyond the aligned ones keep their random weights. A readout that is not linear starts at θ(b).

    Args:
        read_in, readout, observation: of the session.
        unit_map: of the session.
        published: the bias is b itself, a count where a log rate is meant, and the weights of held-in units are the pseudo-inverse of the read-in's.
    """
    read_in.start(unit_map.weight, unit_map.bias)
    if unit_map.weight.shape[1] != readout.factors:
        return
    spikes = read_in.standardise.logarithm
    level = (unit_map.origin.nan_to_num() + (LEAST_COUNT if spikes else 0.0)).float()
    if published:
        parameters = level.new_zeros(len(level), readout.parameters_per_channel)
        parameters[:, 0] = unit_map.origin.float()
        weight = unit_map.readout.clone()
        weight[:, : len(unit_map.weight)] = torch.linalg.pinv(unit_map.weight[:, : unit_map.aligned])
        slopes = torch.zeros_like(parameters)
        slopes[:, 0] = 1
    else:
        parameters, slopes, *_ = torch.func.jvp(observation.from_mean, (level,), (torch.ones_like(level),))
        weight = unit_map.readout
    readout.start(parameters)
    if isinstance(readout, Linear):
        readout.start_factors(weight.float()[..., None] * slopes)


def fit_readout(
    readout: Readout,
    observation: Observation,
    trials: Trials,
    session: int,
    model: Callable[[Observed], Output],
) -> None:
    """Fits a session's readout, and what its likelihood trains, to the factors that a model finds in its training trials.

    Maximum likelihood with a quadratic penalty on the weights, by L-BFGS on at most 512 trials.
    """
    some = torch.linspace(0, len(trials) - 1, min(len(trials), _TELLING_TRIALS)).long().numpy()
    device = next(readout.parameters()).device
    batch = Batch.of(trials, some, session).to(device)
    name = batch.observed.neural_name or ""
    target, weight = batch.targets[name], batch.weight(name)
    with torch.no_grad():
        factors = model(batch.observed).latents
    assert factors is not None
    trained = [p for p in (*readout.parameters(), *observation.parameters()) if p.requires_grad]
    optimiser = torch.optim.LBFGS(trained, max_iter=_ITERATIONS, line_search_fn="strong_wolfe")
    entries = (weight > 0).expand_as(target).sum()
    rows = factors[batch.mask]
    penalty = _PENALTY * torch.linalg.eigvalsh((rows - rows.mean(0)).T.double().cov())[-1].float()

    def loss() -> Tensor:
        optimiser.zero_grad()
        nll = observation.negative_log_likelihood(readout(factors), target)
        weights = torch.stack([p.square().sum() for p in trained if p.ndim > 1]).sum() / target.shape[2]
        total: Tensor = (nll * weight).sum() / entries + penalty * weights
        total.backward()  # type: ignore[no-untyped-call]
        return total

    with torch.enable_grad():
        optimiser.step(loss)  # type: ignore[no-untyped-call]
    optimiser.zero_grad()
