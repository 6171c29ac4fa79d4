"""Distributions: what they draw, how they are explored, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from neurodyn.errors import InvalidInput
from neurodyn.search.dimension import Dimension


def _draws(dimension: Dimension, n: int = 2000) -> np.ndarray:
    generator = np.random.default_rng(0)
    return np.array([dimension.drawn(generator) for _ in range(n)])


def test_draws_are_spread_as_they_should_be() -> None:
    uniform = _draws(Dimension("model.a", "uniform", (0.2, 0.6)))
    assert (
        0.2 <= uniform.min() < 0.21 and 0.59 < uniform.max() <= 0.6 and uniform.mean() == pytest.approx(0.4, abs=0.01)
    )
    log = np.log10(_draws(Dimension("model.a", "log_uniform", (1e-6, 1e-2))))
    assert log.min() >= -6 and log.max() <= -2 and log.mean() == pytest.approx(-4, abs=0.1)
    whole = _draws(Dimension("model.a", "uniform", (2, 4), whole=True))
    assert [int((whole == n).sum()) // 100 for n in (2, 3, 4)] == pytest.approx([6, 6, 6], abs=1)
    options = _draws(Dimension("model.a", "choice", ("x", "y")))
    assert set(options) == {"x", "y"} and (options == "x").mean() == pytest.approx(0.5, abs=0.05)
    for kind, values in (("uniform", (0.0, 1.0)), ("choice", (0.25, 0.5))):
        assert set(_draws(Dimension("model.a", kind, values, start=0.25))) == {0.25}  # type: ignore[arg-type]


def test_exploring_multiplies_by_a_step_that_is_neither_none_nor_large() -> None:
    generator = np.random.default_rng(1)
    dimension = Dimension("objective.a", "log_uniform", (1e-6, 1e-4), explore=0.8, bounded=False)
    steps = np.array([dimension.explored(1e-5, generator) / 1e-5 - 1 for _ in range(4000)])
    assert np.all(np.abs(steps) <= 0.8) and np.all(np.abs(steps) >= 0.002 * 0.8 * (1 - 1e-9))
    assert np.abs(steps).min() < 0.003 and np.abs(steps).max() > 0.79
    assert (steps > 0).mean() == pytest.approx(0.5, abs=0.03)  # as often up as down
    value = 1e-4
    for _ in range(200):
        value = max(value, dimension.explored(value, generator))
    assert value > 1e-2  # not bounded


def test_exploring_stays_within_bounds_and_rates_below_one() -> None:
    generator = np.random.default_rng(2)
    bounded = Dimension("train.learning_rate", "log_uniform", (1e-5, 5e-3), explore=0.3)
    assert max(bounded.explored(5e-3, generator) for _ in range(500)) <= 5e-3
    beyond = Dimension("model.learning", "uniform", (0.0, 0.1), explore=0.3)
    assert beyond.explored(0.9, generator) == 0.1  # no step leads inside: clipped
    for name in ("model.dropout", "model.coordinated_dropout"):
        free = Dimension(name, "uniform", (0.0, 0.9), explore=0.5, bounded=False)
        rate = 0.9
        for _ in range(100):
            rate = max(rate, free.explored(rate, generator))
        assert 0.95 < rate <= 0.99


def test_whole_numbers_and_options_move_too() -> None:
    generator = np.random.default_rng(3)
    whole = Dimension("model.size", "uniform", (1, 40), explore=0.1, whole=True)
    found = [whole.explored(3, generator) for _ in range(100)]
    assert set(found) == {2, 4} and all(type(value) is int for value in found)
    choice = Dimension("model.prior", "choice", ("a", "b", "c"), explore=0.3)
    options = [choice.explored("a", generator) for _ in range(1000)]
    assert options.count("a") == pytest.approx(700, abs=60) and {"b", "c"} <= set(options)


@pytest.mark.parametrize(
    ("given", "values", "options"),
    [
        ({"uniform": [0, 0.6], "explore": 0.2}, (0, 0.6), {"explore": 0.2}),
        ({"log_uniform": ["1e-6", "1e-4"], "bounded": False, "start": "1e-5"}, (1e-6, 1e-4), {"bounded": False, "start": 1e-5}),
        ("uniform(0, 0.6)", (0, 0.6), {"explore": 0.3, "bounded": True, "start": None}),
        ("log_uniform(1e-6,1e-4,explore=0.8,bounded=false)", (1e-6, 1e-4), {"explore": 0.8, "bounded": False}),
        ("choice(gru, low_rank)", ("gru", "low_rank"), {"kind": "choice"}),
        ([8, 16], (8, 16), {"kind": "choice"}),
    ],
)  # fmt: skip
def test_every_way_of_writing_it_is_read(given: object, values: tuple[object, ...], options: dict[str, object]) -> None:
    dimension = Dimension.of("model.a", given)
    assert dimension.values == values
    assert {name: getattr(dimension, name) for name in options} == options
    assert Dimension.of("model.a", dimension.as_mapping()) == dimension


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ("uniform(0.6, 0)", "low below high"),
        ("uniform(0, 0)", "low below high"),
        ("uniform(0)", "two numbers"),
        ("uniform(a, b)", "two numbers"),
        ("uniform(0, 1, start=2)", "start"),
        ("uniform(0, 1, explore=1)", "explore"),
        ("uniform(0, 1, explore=big)", "explore"),
        ("uniform(0, 1, bounded=1)", "bounded"),
        ("uniform(0, 1, steps=3)", "distribution"),
        ("log_uniform(0, 1)", "above 0"),
        ("uniform(-1, 1, bounded=false)", "not bounded"),
        ("choice(1)", "two options"),
        ("normal(0, 1)", "distribution"),
        ("uniform(0, 1", "distribution"),
        ("0.3", "distribution"),
        (0.3, "distribution"),
        ({"uniform": [0, 1], "choice": [0, 1]}, "distribution"),
        ({"uniform": 3}, "distribution"),
    ],
)
def test_what_is_no_distribution_is_refused_by_name(given: object, named: str) -> None:
    with pytest.raises(InvalidInput, match=r"^model\.a") as refused:
        Dimension.of("model.a", given)
    assert named in str(refused.value)
