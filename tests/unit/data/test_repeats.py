"""The noise ceiling from repeats is what the true rates reach."""

import numpy as np
import pytest

import neurodyn
from neurodyn.data.repeats import noise_ceiling
from neurodyn.errors import InvalidInput


@pytest.mark.parametrize("variant", ["rec", "recnf"])
def test_it_is_the_share_that_the_true_rates_explain(variant):
    trials = neurodyn.load("two_area", trials=50, repeats=10, variant=variant, randomness="per_trial")
    found, rates = noise_ceiling(trials), trials.truth["rates"]
    assert (found.latent_trials, found.repeats) == (50, 10)
    left, whole = (np.square(trials.counts - each).sum() for each in (rates, trials.counts.mean((0, 1))))
    assert found.share == pytest.approx(1 - left / whole, abs=0.01)
    spread = rates.var((0, 1))
    np.testing.assert_allclose(found.per_unit, spread / (spread + rates.mean((0, 1))), atol=0.03)


def test_it_needs_repeats():
    once = neurodyn.load("two_area", trials=10)
    with pytest.raises(InvalidInput, match="10 trials that were recorded once"):
        noise_ceiling(once)
    with pytest.raises(InvalidInput, match="latent_trial"):
        noise_ceiling(neurodyn.load("lorenz", trials=20))
