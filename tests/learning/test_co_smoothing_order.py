"""Co-smoothing puts models of known data in the order of what they know."""

import neurodyn as nd


def test_lorenz_oracle_lagged_glm_smoothing_mean_rate_and_shuffled_trials_come_in_this_order() -> None:
    fitted = nd.fit("glm", nd.load("lorenz", trials=210), progress=False)
    for score in nd.evaluate(fitted, metrics=["co_bps", "co_bps_per_neuron"]):
        assert score.ceiling is not None
        assert score.ceiling > score.value > score.baselines["smoothing"] > 0.3, score.name
        assert score.baselines["shuffled"] < -0.3 < score.baselines["mean_rate"] < 0, score.name
