"""Linear-nonlinear-Poisson units (two_area.md sections 3.3 and 10)."""

import numpy as np
import pytest

from neurodyn.errors import InvalidInput
from neurodyn.random_streams import PerTrialStreams
from neurodyn.simulate.spikes import LinearNonlinearPoisson, LinearNonlinearPoissonConfig

LATENTS = np.random.default_rng(3).normal(0.3, 0.2, (40, 50, 2))


def test_canonical_projection():
    readout = LinearNonlinearPoisson(LinearNonlinearPoissonConfig(), 2)
    np.testing.assert_allclose(readout.projection[0, :3], [0.27392, -0.46043, -0.91805], atol=1e-5)


def test_log_rates_are_standardised():
    log_rates = np.log(LinearNonlinearPoisson(LinearNonlinearPoissonConfig(), 2).fit(LATENTS).rates(LATENTS))
    assert log_rates.mean() == pytest.approx(-3, abs=1e-9)
    assert log_rates.std() == pytest.approx(1, abs=1e-4)


def test_unit_by_unit():
    config = LinearNonlinearPoissonConfig(standardise="unit", standard_deviation=0.5)
    log_rates = np.log(LinearNonlinearPoisson(config, 2).fit(LATENTS).rates(LATENTS))
    np.testing.assert_allclose(log_rates.mean((0, 1)), -3, atol=1e-9)
    np.testing.assert_allclose(log_rates.std((0, 1)), 0.5, rtol=1e-3)


def test_log_rates_are_affine_in_the_latents():
    readout = LinearNonlinearPoisson(LinearNonlinearPoissonConfig(), 2).fit(LATENTS)
    log_rates = np.log(readout.rates(LATENTS)).reshape(-1, 30)
    design = np.column_stack([LATENTS.reshape(-1, 2), np.ones(2000)])
    residual = log_rates - design @ np.linalg.lstsq(design, log_rates, rcond=None)[0]
    assert np.abs(residual).max() < 1e-10


def test_fitted_scale_is_reused():
    readout = LinearNonlinearPoisson(LinearNonlinearPoissonConfig(), 2).fit(LATENTS)
    np.testing.assert_array_equal(readout.rates(LATENTS[:1]), readout.rates(LATENTS)[:1])


def test_counts_have_their_expectation():
    config = LinearNonlinearPoissonConfig(offset=-1.0, clip=None)
    readout = LinearNonlinearPoisson(config, 2).fit(LATENTS)
    rates = readout.rates(LATENTS)
    counts = readout.sample(rates, PerTrialStreams(40, 0))
    assert abs(counts.sum() - rates.sum()) < 4 * np.sqrt(rates.sum())
    per_unit = (counts - rates).sum((0, 1)) / np.sqrt(rates.sum((0, 1)))
    assert np.abs(per_unit).max() < 4


def test_clipping():
    config = LinearNonlinearPoissonConfig(offset=3.0, max_rate=8.0, clip=6)
    readout = LinearNonlinearPoisson(config, 2).fit(LATENTS)
    assert readout.rates(LATENTS).max() == 8
    assert readout.sample(readout.rates(LATENTS), PerTrialStreams(40, 0)).max() == 6


def test_unfitted():
    with pytest.raises(InvalidInput, match="fit"):
        LinearNonlinearPoisson(LinearNonlinearPoissonConfig(), 2).rates(LATENTS)
