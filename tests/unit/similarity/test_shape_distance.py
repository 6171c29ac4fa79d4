"""The shape distance against its published steps, its floor, and its bootstrap form."""

from __future__ import annotations

import numpy as np
import pytest

from neurodyn.errors import InvalidInput
from neurodyn.similarity.shape_distance import LINEAR, ROTATION, angle, dimension_floor, shape_distance, whitening


def as_published(x: np.ndarray, y: np.ndarray, alpha: float) -> float:
    """The steps in the order they were published, padding and variance-keeping scale included."""
    width = max(x.shape[1], y.shape[1])
    norms, turned = [], []
    for values in (x, y):
        values = np.hstack([values, np.zeros((len(values), width - values.shape[1]))])
        values = values - values.mean(0)
        if alpha < 1 - 1e-7:
            roots, axes = np.linalg.eigh(values.T @ values)
            roots = np.maximum(roots, 1e-7)
            kept = np.sum(alpha**2 * roots + 2 * alpha * (1 - alpha) * np.sqrt(roots) + (1 - alpha) ** 2)
            gain = (alpha + (1 - alpha) / np.sqrt(roots)) * np.sqrt(roots.sum() / kept)
            values = values @ axes @ np.diag(gain) @ axes.T
        turned.append(values)
        norms.append(np.linalg.norm(values))
    nuclear = np.linalg.svd(turned[0].T @ turned[1], compute_uv=False).sum()
    return float(np.arccos(np.clip(nuclear / np.prod(norms), -1, 1)))


@pytest.mark.parametrize("alpha", [ROTATION, 0.5, LINEAR, 0.0])
@pytest.mark.parametrize("widths", [(3, 3), (2, 7), (6, 2)])
def test_equals_the_published_steps(alpha: float, widths: tuple[int, int]) -> None:
    generator = np.random.default_rng(0)
    shared = generator.normal(size=(500, 2))
    x, y = (shared @ generator.normal(size=(2, w)) + generator.normal(size=(500, w)) + 5 for w in widths)
    assert shape_distance(x, y, alpha) == pytest.approx(as_published(x, y, alpha), abs=1e-6)
    assert shape_distance(y, x, alpha) == pytest.approx(shape_distance(x, y, alpha), abs=1e-9)


def test_the_same_from_products_alone_and_for_several_draws() -> None:
    generator = np.random.default_rng(1)
    x, y = generator.normal(size=(300, 4)), generator.normal(size=(300, 3))
    y[:, :2] += 2 * x[:, :2]
    x, y = x - x.mean(0), y - y.mean(0)
    for alpha in (ROTATION, LINEAR):
        a, b = x @ whitening(x.T @ x, alpha), y @ whitening(y.T @ y, alpha)
        found = angle(np.stack([a.T @ b] * 2), np.full(2, np.square(a).sum()), np.full(2, np.square(b).sum()))
        np.testing.assert_allclose(found, shape_distance(x, y, alpha), atol=1e-9)


@pytest.mark.parametrize(
    ("dimensions", "floor"), [(2, 0), (5, 0.886), (10, 1.107), (20, 1.249), (30, 1.310), (40, 1.345), (64, 1.393)]
)
def test_floor_of_two_dimensions_in_many(dimensions: int, floor: float) -> None:
    assert dimension_floor(2, dimensions) == dimension_floor(dimensions, 2) == pytest.approx(floor, abs=6e-4)
    generator = np.random.default_rng(dimensions)
    truth = generator.normal(size=(20_000, 2))
    seen = truth @ generator.normal(size=(2, dimensions)) + 1e-3 * generator.normal(size=(20_000, dimensions))
    assert shape_distance(seen, truth, LINEAR) == pytest.approx(floor, abs=0.01)
    assert shape_distance(seen[:, :2], truth, LINEAR) < 0.01


@pytest.mark.parametrize("inputs", [1, 2, 4])
def test_floor_of_an_input_of_one_dimension(inputs: int) -> None:
    generator = np.random.default_rng(inputs)
    drive = generator.normal(size=(20_000, 1))
    truth = drive * [1, -1]  # exactly one dimension in two columns
    seen = drive @ generator.normal(size=(1, inputs)) + 1e-3 * generator.normal(size=(20_000, inputs))
    assert shape_distance(seen, truth, LINEAR) == pytest.approx(np.arccos(1 / np.sqrt(inputs)), abs=0.01)


def test_unrelated_data_are_near_a_right_angle_and_constant_data_at_it() -> None:
    generator = np.random.default_rng(3)
    x, y = generator.normal(size=(50_000, 3)), generator.normal(size=(50_000, 5))
    for alpha in (ROTATION, LINEAR):
        assert 1.54 < shape_distance(x, y, alpha) < np.pi / 2
        assert shape_distance(np.ones((50_000, 3)), y, alpha) == pytest.approx(np.pi / 2)


def test_refuses_what_has_no_angle() -> None:
    x = np.random.default_rng(4).normal(size=(10, 2))
    with pytest.raises(InvalidInput, match="10, as in x"):
        shape_distance(x, x[:9])
    with pytest.raises(InvalidInput, match="alpha"):
        shape_distance(x, x, 1.5)
    spoiled = x.copy()
    spoiled[3, 1] = np.nan
    with pytest.raises(InvalidInput, match="not finite"):
        shape_distance(spoiled, x)
