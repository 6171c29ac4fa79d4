"""A causal model bin by bin: the arrays of whole trials, and a time for every bin."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from neurodyn.analysis.online import run_online
from neurodyn.config import from_dict
from neurodyn.data.spec import DataSpec
from neurodyn.data.splits import hold_out_units
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.models.base import Model
from neurodyn.models.langevin_flow import LangevinFlow, LangevinFlowConfig
from neurodyn.models.mean_rate import MeanRate

BINS, FORWARD = 14, 4
LENGTHS = np.array([14, 14, 12, 6])
"""Whole trials, one that ends among the forward bins, and one that ends among the observed ones."""


def trials(mask: np.ndarray | None = None, unknown: bool = False) -> Trials:
    if mask is None:
        mask = np.arange(BINS) < LENGTHS[:, None]
    counts = np.random.default_rng(0).poisson(0.8, (len(mask), BINS, 7)) * mask[..., None]
    behaviour = np.random.default_rng(1).normal(size=(len(mask), BINS, 2))
    filled = np.where(np.arange(7) == 2, np.nan, counts) if unknown else counts
    made = Trials.from_arrays(
        filled, bin_s=0.02, mask=mask, behaviour=behaviour, nan="unknown" if unknown else "refuse"
    )
    return dataclasses.replace(hold_out_units(made, heldout=np.array([1, 5])), forward=FORWARD)


def built(data: Trials, **given: object) -> LangevinFlow:
    torch.manual_seed(0)
    given = {"size": 4, "encoder": 6, "decoder_hidden": 6, "causal": True, **given}
    model = LangevinFlow(from_dict(LangevinFlowConfig, given, "model"), DataSpec.of([data]))
    model.prepare([data])
    return model.eval()


@pytest.mark.parametrize("options", [{}, {"decoder_inputs": "zvh"}])
def test_bin_by_bin_gives_the_arrays_of_whole_trials(options: dict[str, object]) -> None:
    data = trials()
    model = built(data, **options)
    found, took = run_online(model, data)
    expected = model.infer(data)
    assert found.rates is not None and found.latents is not None and found.inputs is None
    assert found.rates.shape == data.counts.shape and found.latents.shape == expected.latents.shape
    np.testing.assert_allclose(found.rates[data.mask], expected.rates[data.mask], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.latents[data.mask], expected.latents[data.mask], rtol=1e-4, atol=1e-5)
    assert np.isfinite(found.rates).all() and np.ptp(found.rates[0], 0).min() > 0
    assert len(took) == np.minimum(LENGTHS, BINS - FORWARD).sum() and (took > 0).all()


def test_what_was_set_is_set_again() -> None:
    data, threads = trials(), torch.get_num_threads()
    model = built(data).train()
    run_online(model, data)
    assert model.training and torch.get_num_threads() == threads


def test_without_forward_bins() -> None:
    data = dataclasses.replace(trials(np.ones((2, BINS), bool)), forward=0)
    model = built(data)
    found, took = run_online(model, data)
    np.testing.assert_allclose(found.rates, model.infer(data).rates, rtol=1e-4, atol=1e-6)
    assert len(took) == 2 * BINS


def gap() -> Trials:
    mask = np.ones((3, BINS), bool)
    mask[1, 4] = False
    return trials(mask)


def late() -> Trials:
    mask = np.ones((3, BINS), bool)
    mask[1, 0] = False
    return trials(mask)


@pytest.mark.parametrize(
    ("model", "data", "named"),
    [
        (lambda data: MeanRate(MeanRate.Config(), DataSpec.of([data])), trials(), "mean_rate"),
        (lambda data: built(data, causal=False), trials(), r"model\.causal"),
        (lambda data: built(data, decoder="transformer"), trials(), "transformer"),
        (lambda data: built(data, behaviour={"fusion": "add"}), trials(), "teacher"),
        (lambda data: built(data, mode="release", causal=False), trials(), "release"),
        (built, gap(), "gap"),
        (built, late(), "starts late"),
        (built, trials(unknown=True), "not recorded"),
    ],
    ids=["other", "causal", "transformer", "teacher", "release", "gap", "late", "unknown"],
)
def test_what_cannot_run_bin_by_bin_is_refused(model: object, data: Trials, named: str) -> None:
    made: Model = model(data)
    with pytest.raises(InvalidInput, match=named):
        run_online(made, data)
