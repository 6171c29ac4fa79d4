"""Linear-nonlinear units (two_area.md sections 3.3 and 10)."""

import numpy as np
import pytest

from neurodyn.errors import InvalidInput, UnknownName
from neurodyn.random_streams import PerTrialStreams
from neurodyn.simulate.linear_nonlinear import LinearNonlinear, LinearNonlinearConfig

LATENTS = np.random.default_rng(3).normal(0.3, 0.2, (40, 50, 2))


def test_canonical_projection():
    readout = LinearNonlinear(LinearNonlinearConfig(), 2)
    np.testing.assert_allclose(readout.projection[0, :3], [0.27392, -0.46043, -0.91805], atol=1e-5)


def test_log_rates_are_standardised():
    log_rates = np.log(LinearNonlinear(LinearNonlinearConfig(), 2).fit(LATENTS).rates(LATENTS))
    assert log_rates.mean() == pytest.approx(-3, abs=1e-9)
    assert log_rates.std() == pytest.approx(1, abs=1e-4)


def test_unit_by_unit():
    config = LinearNonlinearConfig(standardise="unit", standard_deviation=0.5)
    log_rates = np.log(LinearNonlinear(config, 2).fit(LATENTS).rates(LATENTS))
    np.testing.assert_allclose(log_rates.mean((0, 1)), -3, atol=1e-9)
    np.testing.assert_allclose(log_rates.std((0, 1)), 0.5, rtol=1e-3)


def test_log_rates_are_affine_in_the_latents():
    readout = LinearNonlinear(LinearNonlinearConfig(), 2).fit(LATENTS)
    log_rates = np.log(readout.rates(LATENTS)).reshape(-1, 30)
    design = np.column_stack([LATENTS.reshape(-1, 2), np.ones(2000)])
    residual = log_rates - design @ np.linalg.lstsq(design, log_rates, rcond=None)[0]
    assert np.abs(residual).max() < 1e-10


def test_fitted_scale_is_reused():
    readout = LinearNonlinear(LinearNonlinearConfig(), 2).fit(LATENTS)
    np.testing.assert_array_equal(readout.rates(LATENTS[:1]), readout.rates(LATENTS)[:1])


def test_counts_have_their_expectation():
    config = LinearNonlinearConfig(offset=-1.0, clip=None)
    readout = LinearNonlinear(config, 2).fit(LATENTS)
    rates = readout.rates(LATENTS)
    counts = readout.sample(rates, PerTrialStreams(40, 0))
    assert abs(counts.sum() - rates.sum()) < 4 * np.sqrt(rates.sum())
    per_unit = (counts - rates).sum((0, 1)) / np.sqrt(rates.sum((0, 1)))
    assert np.abs(per_unit).max() < 4


def test_clipping():
    config = LinearNonlinearConfig(offset=3.0, max_rate=8.0, clip=6)
    readout = LinearNonlinear(config, 2).fit(LATENTS)
    assert readout.rates(LATENTS).max() == 8
    assert readout.sample(readout.rates(LATENTS), PerTrialStreams(40, 0)).max() == 6


def test_unfitted():
    with pytest.raises(InvalidInput, match="fit"):
        LinearNonlinear(LinearNonlinearConfig(), 2).rates(LATENTS)


@pytest.mark.parametrize(
    ("nonlinearity", "expected"),
    [
        ("exp", lambda a: 0.5 * np.exp(2 * a - 1)),
        ("relu", lambda a: 0.5 * np.maximum(2 * a - 1, 0)),
        ("softplus", lambda a: 0.25 * np.log1p(np.exp(2 * a - 1))),
        ("sigmoid", lambda a: 0.5 / (1 + np.exp(-2 * a + 1))),
    ],
)
def test_nonlinearities(nonlinearity, expected):
    config = LinearNonlinearConfig(nonlinearity=nonlinearity, slope=2.0, offset=-1.0, gain=0.5)
    readout = LinearNonlinear(config, 2).fit(LATENTS)
    standard = (LATENTS @ readout.projection - readout.mean) / readout.scale
    np.testing.assert_allclose(readout.rates(LATENTS), expected(standard))
    assert readout.sample(readout.rates(LATENTS), PerTrialStreams(40, 0)).min() >= 0


@pytest.mark.parametrize("nonlinearity", ["exp", "relu", "softplus", "sigmoid"])
def test_more_offset_is_more_rate(nonlinearity):
    """The published sigmoid has its offset the wrong way round."""
    rates = [
        LinearNonlinear(LinearNonlinearConfig(nonlinearity=nonlinearity, offset=o), 2).fit(LATENTS).rates(LATENTS)
        for o in (-1.0, 1.0)
    ]
    assert rates[1].mean() > rates[0].mean()


def test_target_is_the_standard_deviation():
    config = LinearNonlinearConfig(standard_deviation=2.0)
    log_rates = np.log(LinearNonlinear(config, 2).fit(LATENTS).rates(LATENTS))
    assert log_rates.std() == pytest.approx(2, rel=1e-3)


def test_columns_of_length_one():
    readout = LinearNonlinear(LinearNonlinearConfig(unit_columns=True), 2)
    np.testing.assert_allclose(np.linalg.norm(readout.projection, axis=0), 1)


def test_identity_lets_each_unit_read_a_latent():
    config = LinearNonlinearConfig(units=2, projection="identity", standardise="none", offset=0.0)
    np.testing.assert_allclose(LinearNonlinear(config, 2).rates(LATENTS), np.exp(LATENTS))
    with pytest.raises(InvalidInput, match="units"):
        LinearNonlinear(LinearNonlinearConfig(units=3, projection="identity"), 2)


def test_samplers_by_name():
    config = LinearNonlinearConfig(sampler={"name": "negative_binomial", "fano": 3.0}, offset=1.0, clip=None)
    readout = LinearNonlinear(config, 2).fit(LATENTS)
    rates = np.full((400, 50, 30), 2.0)
    counts = readout.recorded(rates, PerTrialStreams(400, 0))["counts"]
    assert counts.var() / counts.mean() == pytest.approx(3, rel=0.05)
    normal = LinearNonlinear(LinearNonlinearConfig(sampler="normal"), 2)
    assert set(normal.recorded(rates[:3], PerTrialStreams(3, 0))) == {"fluorescence"}
    assert normal.sample(rates[:3] + 9, PerTrialStreams(3, 0)).max() > 9  # not clipped at 5: these are no counts
    with pytest.raises(UnknownName, match="Did you mean 'binomial'"):
        LinearNonlinearConfig(sampler="binomal")
