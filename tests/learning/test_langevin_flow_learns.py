"""LangevinFlow recovers dynamics that are known, and its physics carries the score."""

import pytest

import neurodyn as nd
from neurodyn.metrics.base import Score


def scores(epochs: int, **options: object) -> dict[str, Score]:
    fitted = nd.fit("langevin_flow", nd.load("lorenz"), train={"epochs": epochs}, progress=False, **options)
    return {score.name: score for score in nd.evaluate(fitted, samples=20)}


def test_lorenz_is_learned_through_the_latents() -> None:
    found = scores(40)
    for name in ("co_bps", "fp_bps", "rate_r2"):
        score = found[name]
        assert score.value > max(score.baselines.values()), name
        assert score.ceiling is not None and score.value < score.ceiling
    assert found["latent_use"].context["other_latents"] < 0 < found["co_bps"].interval[0]


@pytest.mark.slow
def test_lorenz_as_measured_in_the_docs() -> None:
    found = scores(260)
    for name, least in (("co_bps", 0.80), ("fp_bps", 0.75), ("rate_r2", 0.90)):
        assert found[name].value > least, name
    assert found["latent_use"].context["other_latents"] < -0.5


@pytest.mark.slow
def test_the_published_bypass_empties_the_latents() -> None:
    bypassed, forced = scores(60, decoder_inputs="zvh"), scores(60)
    assert bypassed["latent_use"].context["other_latents"] > 0 > forced["latent_use"].context["other_latents"]
