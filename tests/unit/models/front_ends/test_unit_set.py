"""Front end (c): a set of units. Their order, their number and what is not known of them say nothing."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from aligned_subjects import built, front_end, subject, without
from neurodyn.data.batch import Batch
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput, UnknownName
from neurodyn.models.front_ends.unit_set import UnitSetConfig
from neurodyn.models.pnba import PNBA

UNITS = 9


def relabelled(trials: Trials, units: np.ndarray) -> Trials:
    """The trials with these of their units, in this order."""
    neural = dataclasses.replace(trials.neural, values=trials.counts[:, :, units])
    return dataclasses.replace(
        trials,
        signals={**trials.signals, "counts": neural},
        heldin=np.arange(len(units)),
        unit_table=trials.unit_table.iloc[units].reset_index(drop=True),
    )


@torch.no_grad()
def said(model: PNBA, trials: Trials, session: int = 0) -> tuple[Tensor, Tensor]:
    """Latents, and rates `(trial, time, unit)`."""
    batch = Batch.of(trials, session=session)
    output = model(batch.observed)
    return output.latents, output.predictions["counts"][..., 0]


@pytest.fixture(scope="module")
def model() -> PNBA:
    trials = [subject("a", seed=1), subject("b", units=14, seed=2)]
    return built(trials, front_end=front_end("unit_set"))


def test_the_order_of_the_units_says_nothing(model: PNBA) -> None:
    trials, order = subject("new", seed=3), np.random.default_rng(0).permutation(UNITS)
    mine, theirs = (said(model.zero_shot([t]), t, session=2) for t in (trials, relabelled(trials, order)))
    scale = mine[0].abs().max()
    assert float((mine[0] - theirs[0]).abs().max() / scale) < 1e-5
    torch.testing.assert_close(mine[1][:, :, order], theirs[1], rtol=1e-5, atol=1e-5)


def test_doubling_all_units_leaves_it_unchanged(model: PNBA) -> None:
    trials = subject("new", seed=3)
    twice = relabelled(trials, np.tile(np.arange(UNITS), 2))
    mine, theirs = (said(model.zero_shot([t]), t, session=2) for t in (trials, twice))
    torch.testing.assert_close(mine[0], theirs[0], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(torch.cat([mine[1], mine[1]], 2), theirs[1], rtol=1e-5, atol=1e-5)


def test_units_that_are_not_known_have_no_effect(model: PNBA) -> None:
    """Padding units whose entries were not recorded: the others give the same latents as alone."""
    trials = subject("new", seed=3)
    counts = np.concatenate([trials.counts, np.full((*trials.counts.shape[:2], 4), np.nan)], 2)
    table = pd.DataFrame({"x_um": np.r_[trials.unit_table["x_um"], np.linspace(0, 1, 4)]})
    more = Trials.from_arrays(counts, bin_s=0.02, unit_table=table, nan="unknown", session="new")
    mine, theirs = (said(model.zero_shot([t]), t, session=2) for t in (trials, more))
    torch.testing.assert_close(mine[0], theirs[0], rtol=1e-5, atol=1e-6)


def test_values_of_unknown_entries_do_not_matter_and_known_ones_are_averaged(model: PNBA) -> None:
    front = model.front_end
    known = torch.ones(2, 5, UNITS, dtype=torch.bool)
    known[:, :, 4:] = False
    activity = torch.randn(2, 5, UNITS) * known
    with torch.no_grad():
        weights = front.to_features(front.embedding(0))
        expected = activity[:, :, :4] @ weights[:4] / 4
        torch.testing.assert_close(front.encode(activity, known, 0), expected)
        nothing = front.encode(torch.zeros_like(activity), torch.zeros_like(known), 0)
    assert torch.equal(nothing, torch.zeros_like(nothing))


def test_statistics_are_those_of_the_known_bins(model: PNBA) -> None:
    trials = subject("new", seed=5, ragged=True, trials=40)
    met = model.zero_shot([trials])
    rate, dispersion, autocorrelation, place = met.front_end.units[2].T.numpy()
    for unit in range(UNITS):
        counts = [c[m, unit].astype(float) for c, m in zip(trials.counts, trials.mask)]
        values = np.concatenate(counts)
        mean, variance = values.mean(), values.var()
        products = np.concatenate([(c[1:] - mean) * (c[:-1] - mean) for c in counts])
        assert rate[unit] == pytest.approx(np.log(mean), rel=1e-5, abs=1e-6)
        assert dispersion[unit] == pytest.approx(np.log(variance / mean), rel=1e-4, abs=1e-5)
        assert autocorrelation[unit] == pytest.approx(products.mean() / variance, rel=1e-4, abs=1e-5)
    np.testing.assert_allclose(place, trials.unit_table["x_um"], rtol=1e-6)


def test_scales_are_those_of_the_training_subjects_alone(model: PNBA) -> None:
    new = subject("new", seed=3, unit_table=pd.DataFrame({"x_um": np.linspace(-1, 2, UNITS)}))
    met = model.zero_shot([new])
    for name in ("low", "high", "shift", "scale"):
        assert torch.equal(getattr(met.front_end, name), getattr(model.front_end, name))
    assert met.front_end.low.item() == 0 and met.front_end.high.item() == 1


def test_what_it_cannot_know_units_by_is_refused() -> None:
    with pytest.raises(InvalidInput, match="a column 'y_um'"):
        built(subject(), front_end={"name": "unit_set", "columns": ("y_um",)})
    holes = pd.DataFrame({"x_um": [0, 1, np.nan, *range(UNITS - 3)]})
    with pytest.raises(InvalidInput, match="nothing for unit 2"):
        built(subject(unit_table=holes), front_end=front_end("unit_set"))
    with pytest.raises(InvalidInput, match="something to know a unit by"):
        UnitSetConfig(statistics=())
    with pytest.raises(UnknownName, match="autocorrelation"):
        UnitSetConfig(statistics=("autocorelation",))


def test_a_subject_without_behaviour_is_met_by_its_activity(model: PNBA) -> None:
    blind = without(subject("new", seed=3), "hand", "speed")
    whole = subject("new", seed=3)
    for mine, theirs in zip(said(model.zero_shot([whole]), whole, 2), said(model.zero_shot([blind]), blind, 2)):
        assert torch.equal(mine, theirs)
