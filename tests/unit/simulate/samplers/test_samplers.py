"""Samplers draw what they say: mean and Fano factor (two_area.md sections 3.3 and 10)."""

import numpy as np
import pytest
from scipy.stats import nbinom, poisson

from neurodyn import registry
from neurodyn.config import from_dict
from neurodyn.errors import InvalidInput
from neurodyn.random_streams import LegacyStreams, PerTrialStreams, SharedStreams
from neurodyn.simulate.samplers.binomial import Binomial, BinomialConfig
from neurodyn.simulate.samplers.conway_maxwell_poisson import ConwayMaxwellPoisson, ConwayMaxwellPoissonConfig
from neurodyn.simulate.samplers.negative_binomial import NegativeBinomial, NegativeBinomialConfig
from neurodyn.simulate.samplers.normal import Normal, NormalConfig

MEANS = np.array([0.05, 0.1, 0.3, 0.5, 0.75, 1.0, 2.0, 3.3, 7.5, 20.0])
DRAWS = 200_000
NAMES = registry.names("samplers")
OPTIONS = [
    ("poisson", {}),
    ("negative_binomial", {"fano": 2.0}),
    ("negative_binomial", {"fano": 1.2}),
    ("binomial", {"fano": 0.5}),
    ("binomial", {"fano": 0.1}),
    ("binomial", {"fano": 0.9}),
    ("conway_maxwell_poisson", {"nu": 1.0}),
    ("conway_maxwell_poisson", {"nu": 2.5}),
    ("conway_maxwell_poisson", {"nu": 0.4}),
    ("normal", {"sd": 0.5}),
]


def made(name, **options):
    cls = registry.load("samplers", name)
    return cls() if cls.Config is None else cls(from_dict(cls.Config, options))


def test_every_sampler_is_held_to_its_mean_and_fano_factor():
    assert {name for name, _ in OPTIONS} == set(NAMES)


@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_mean_and_fano_factor_of_draws(name, options):
    sampler = made(name, **options)
    drawn = sampler.draw(np.tile(MEANS, (DRAWS, 1)), np.random.default_rng(1))
    mean, fano = drawn.mean(0), drawn.var(0) / drawn.mean(0)
    np.testing.assert_allclose(sampler.mean(MEANS), MEANS)
    error = np.sqrt(sampler.fano(MEANS) * MEANS / DRAWS)
    assert (np.abs(mean - MEANS) < 4.5 * error).all()
    np.testing.assert_allclose(mean, MEANS, rtol=0.05)
    np.testing.assert_allclose(fano, sampler.fano(MEANS), rtol=0.05)
    if sampler.whole:
        assert drawn.min() >= 0
        assert np.issubdtype(drawn.dtype, np.integer)


def test_fano_factors_that_were_asked_for():
    """Fano 0.5 and 2.0 within 5 %, binomial counts where a count can have it."""
    high = np.array([2.5, 3.3, 4.75, 10.25])
    np.testing.assert_allclose(Binomial(BinomialConfig(fano=0.5)).fano(high), 0.5, rtol=0.05)
    np.testing.assert_allclose(NegativeBinomial(NegativeBinomialConfig(fano=2.0)).fano(MEANS), 2.0)
    for sampler, means, wanted in (
        (Binomial(BinomialConfig(fano=0.5)), high, 0.5),
        (NegativeBinomial(NegativeBinomialConfig(fano=2.0)), MEANS, 2.0),
    ):
        drawn = sampler.draw(np.tile(means, (DRAWS, 1)), np.random.default_rng(2))
        np.testing.assert_allclose(drawn.var(0) / drawn.mean(0), wanted, rtol=0.055)


def test_binomial_units_of_low_rate_are_not_silent():
    """The published form cuts n to a whole number and silences rates below D."""
    rates = np.full(DRAWS, 0.2)
    assert Binomial(BinomialConfig(fano=0.5)).draw(rates, np.random.default_rng(0)).mean() == pytest.approx(
        0.2, rel=0.05
    )
    assert Binomial(BinomialConfig(fano=0.5)).fano(np.array([0.2])) == pytest.approx(0.8)  # no count has less


def test_binomial_is_exact_where_the_number_is_whole():
    # 0.3 / 0.1 is not 3 in floating point
    assert Binomial(BinomialConfig(fano=0.9)).fano(np.array([0.3, 0.6, 0.7])) == pytest.approx(0.9, abs=1e-9)
    assert Binomial(BinomialConfig(fano=0.5)).fano(np.array([0.0])) == pytest.approx(1.0)


def test_negative_binomial_probabilities():
    drawn = NegativeBinomial(NegativeBinomialConfig(fano=2.0)).draw(np.full(DRAWS, 3.0), np.random.default_rng(0))
    found = np.bincount(drawn, minlength=12)[:12] / DRAWS
    np.testing.assert_allclose(found, nbinom.pmf(np.arange(12), 3.0, 0.5), atol=0.004)


def test_conway_maxwell_poisson_is_poisson_at_nu_one():
    sampler = ConwayMaxwellPoisson(ConwayMaxwellPoissonConfig(nu=1.0))
    means = np.array([0.0, 1e-5, 0.03, 1.0, 8.0, 60.0])
    k = np.arange(150)
    np.testing.assert_allclose(sampler.probabilities(means, 150), poisson.pmf(k, means[:, None]), atol=1e-9)


@pytest.mark.parametrize("nu", [0.1, 0.5, 3.0, 6.0])
def test_conway_maxwell_poisson_solves_for_the_mean(nu):
    sampler = ConwayMaxwellPoisson(ConwayMaxwellPoissonConfig(nu=nu))
    means = np.array([0.0, 2e-5, 1e-4, 0.02, 0.7, 5.0, 33.0, 100.0])
    probabilities, k = sampler.probabilities(means, 1200), np.arange(1200)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-8)
    np.testing.assert_allclose(probabilities @ k, means, atol=2e-7)
    variance = probabilities @ k**2 - (probabilities @ k) ** 2
    np.testing.assert_allclose(variance[1:] / means[1:], sampler.fano(means)[1:], rtol=1e-3)
    # The law: P(k+1)/P(k) = μ/(k+1)^ν
    ratio = probabilities[4, 1:5] / probabilities[4, :4] * np.arange(1, 5) ** nu
    np.testing.assert_allclose(ratio, ratio[0])


@pytest.mark.parametrize("name", NAMES)
def test_trial_7_does_not_depend_on_how_many_there_are(name):
    expected = np.random.default_rng(0).uniform(0, 4, (12, 6, 5))
    many = made(name).sample(expected, PerTrialStreams(12, 3))
    few = made(name).sample(expected[:8], PerTrialStreams(8, 3))
    np.testing.assert_array_equal(many[:8], few)
    again = made(name).sample(expected, PerTrialStreams(12, 3))
    np.testing.assert_array_equal(again, many)


@pytest.mark.parametrize("streams", [SharedStreams, LegacyStreams])
def test_poisson_continues_the_stream_of_one_generator(streams):
    expected = np.full((4, 3, 2), 1.5)
    found = made("poisson").sample(expected, streams(4, 9))
    np.testing.assert_array_equal(found, np.random.default_rng(9).poisson(expected))
    np.testing.assert_array_equal(streams(4, 9).spikes(expected), found)


def test_normal_is_not_whole():
    drawn = Normal(NormalConfig(sd=0.2)).draw(np.full(DRAWS, -1.0), np.random.default_rng(0))
    assert drawn.mean() == pytest.approx(-1, abs=0.01)
    assert drawn.std() == pytest.approx(0.2, rel=0.01)


@pytest.mark.parametrize(
    ("name", "options", "field"),
    [
        ("negative_binomial", {"fano": 1.0}, "fano"),
        ("binomial", {"fano": 1.0}, "fano"),
        ("binomial", {"fano": 0.0}, "fano"),
        ("conway_maxwell_poisson", {"nu": 0.0}, "nu"),
        ("normal", {"sd": -1.0}, "sd"),
    ],
)
def test_bad_options(name, options, field):
    with pytest.raises(InvalidInput, match=field):
        made(name, **options)


@pytest.mark.parametrize("wrong", [-0.1, 101.0, np.nan])
def test_means_that_cannot_be(wrong):
    with pytest.raises(InvalidInput, match="expected"):
        ConwayMaxwellPoisson().draw(np.array([1.0, wrong]), np.random.default_rng(0))
