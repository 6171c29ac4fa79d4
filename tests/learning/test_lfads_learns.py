"""LFADS recovers dynamics that are known."""

import pytest

import neurodyn as nd
from neurodyn.metrics.base import Score


def scores(data: str, epochs: int, **options: object) -> dict[str, Score]:
    trials = nd.load(data, **options)
    fitted = nd.fit("lfads", trials, train={"epochs": epochs}, progress=False)
    return {score.name: score for score in nd.evaluate(fitted, samples=20)}


def test_lorenz_is_learned_beyond_every_linear_baseline() -> None:
    found = scores("lorenz", 40)
    for name in ("co_bps", "fp_bps", "rate_r2", "latent_r2_forward"):
        score = found[name]
        assert score.value > max(score.baselines.values()), name
        assert score.ceiling is not None and score.value < score.ceiling
    assert found["latent_r2_forward"].value > 0.9
    assert found["co_bps"].baselines["shuffled"] < 0 < found["co_bps"].interval[0]


@pytest.mark.slow
def test_two_area_decisions_are_learned_beyond_every_linear_baseline() -> None:
    found = scores("two_area", 40, variant="recnf")
    for name in ("co_bps", "fp_bps", "rate_r2", "latent_r2_forward"):
        assert found[name].value > max(found[name].baselines.values()), name
    assert found["rate_r2"].value > 0.9
