import dataclasses

import pytest
import torch

from neurodyn.errors import InvalidInput
from neurodyn.training.config import TrainConfig
from neurodyn.training.schedule import Plateau, learning_rate, weight_decay

CONFIG = TrainConfig(epochs=20, learning_rate=0.1, warmup_epochs=2)


def _rates(schedule: str, **more: float) -> list[float]:
    config = dataclasses.replace(CONFIG, schedule=schedule)
    return [learning_rate(config, step, 5, **more) for step in range(101)]


def test_warm_up_is_linear_and_never_zero() -> None:
    rates = _rates("constant")
    assert rates[:10] == pytest.approx([0.1 * (i + 1) / 11 for i in range(10)])
    assert set(rates[10:]) == {0.1}


def test_cosine_falls_to_one_percent_at_the_last_epoch() -> None:
    rates = _rates("cosine")
    assert rates[10] == pytest.approx(0.1)
    assert rates[55] == pytest.approx(0.1 * (0.01 + 0.99 / 2))
    assert rates[100] == pytest.approx(0.001)
    assert all(a > b for a, b in zip(rates[10:], rates[11:]))


def test_plateau_shrinks_after_six_epochs_without_a_better_score() -> None:
    plateau, scales = Plateau(), []
    for score in [0.1, 0.2, *[0.15] * 5, 0.3, *[0.3] * 12]:
        plateau.saw(score, 6)
        scales.append(plateau.scale)
    assert scales == pytest.approx([1.0] * 13 + [0.95] * 6 + [0.95**2])
    assert _rates("plateau", plateau_scale=0.5)[50] == pytest.approx(0.05)


def test_plateau_of_seven_epochs_after_the_best_shrinks_once() -> None:
    plateau = Plateau()
    for score in [0.1, 0.2, *[0.2] * 7]:
        plateau.saw(score, 6)
    assert plateau.scale == 0.95


def test_plateau_waits_as_long_as_asked_and_has_a_floor() -> None:
    config = TrainConfig(schedule="plateau", learning_rate=3e-3, warmup_epochs=0, plateau_epochs=11, plateau_floor=1e-5)
    ours, parameter = Plateau(), torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.Adam([parameter], lr=config.learning_rate)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimiser, mode="min", factor=0.95, patience=10, threshold=0.0, min_lr=1e-5
    )
    losses = [1.0, *[2.0] * 30, 0.5, *[0.5] * 1500]
    for loss in losses:
        ours.saw(-loss, config.plateau_epochs)
        theirs.step(loss)
        assert learning_rate(config, 0, 1, ours.scale) == pytest.approx(optimiser.param_groups[0]["lr"], rel=1e-9)
    assert optimiser.param_groups[0]["lr"] == 1e-5


def test_weight_decay_rises_to_its_full_value() -> None:
    config = TrainConfig(weight_decay=2e-5, weight_decay_increase_epochs=500)
    found = [weight_decay(config, epoch) for epoch in (0, 100, 500, 900)]
    assert found == pytest.approx([0, 4e-6, 2e-5, 2e-5])
    assert weight_decay(TrainConfig(weight_decay=0.1), 0) == 0.1


def test_epoch_cosine_is_that_of_the_published_ndt() -> None:
    config = TrainConfig(schedule="epoch_cosine", learning_rate=1e-3, warmup_epochs=5000, epochs=50_501)
    rates = {epoch: learning_rate(config, epoch * 27 + 13, 27) for epoch in (0, 2500, 5000, 27_750, 50_501)}
    assert rates == pytest.approx({0: 0.0, 2500: 5e-4, 5000: 1e-3, 27_750: 5e-4, 50_501: 0.0}, rel=1e-4, abs=1e-12)


def test_inverse_sqrt_halves_when_training_is_four_times_as_long() -> None:
    rates = _rates("inverse_sqrt")
    assert rates[10] == pytest.approx(0.1) and rates[43] == pytest.approx(0.05)
    assert all(a > b for a, b in zip(rates[10:], rates[11:]))


def test_hold_cosine_is_that_of_the_published_pnba() -> None:
    config = TrainConfig(schedule="hold_cosine", learning_rate=1e-4, epochs=400, warmup_steps=600)
    rates = {epoch: learning_rate(config, epoch * 96, 96) for epoch in (50, 200, 250, 300, 350, 400)}
    published = {50: 1e-4, 200: 1e-4, 250: 8.54e-5, 300: 5.005e-5, 350: 1.47e-5, 400: 1e-7}
    assert {epoch: float(f"{rate:.{2 if epoch % 100 else 3}e}") for epoch, rate in rates.items()} == published
    factors = [learning_rate(config, step, 96) / 1e-4 for step in (0, 300, 600)]
    assert factors == pytest.approx([1 / 3, 2 / 3, 1])


def test_warm_up_over_steps_stands_in_place_of_that_over_epochs() -> None:
    config = dataclasses.replace(CONFIG, schedule="constant", warmup_steps=4)
    found = [learning_rate(config, step, 5) for step in range(6)]
    assert found == pytest.approx([0.1 / 3, 0.05, 0.1 * 2 / 3, 0.1 * 5 / 6, 0.1, 0.1])
    assert learning_rate(dataclasses.replace(config, warmup_steps=0), 0, 5) == 0.1
    with pytest.raises(InvalidInput, match="counts epochs"):
        dataclasses.replace(config, schedule="epoch_cosine")
