"""What holds for the shape distance of any data: what it forgives, its bounds, the triangle inequality."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodyn.similarity.shape_distance import LINEAR, ROTATION, dimension_floor, shape_distance

seeds, widths = st.integers(0, 2**32 - 1), st.integers(1, 8)


def orthogonal(generator: np.random.Generator, width: int) -> np.ndarray:
    return np.linalg.qr(generator.normal(size=(width, width)))[0]


@settings(deadline=None, max_examples=60)
@given(seeds, widths, st.floats(1e-3, 1e3), st.floats(-100, 100))
def test_rotation_scale_and_shift_cost_nothing(seed: int, width: int, scale: float, shift: float) -> None:
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(200, width)) * generator.uniform(0.2, 3, size=width)
    assert shape_distance(x, scale * x @ orthogonal(generator, width) + shift, ROTATION) < 1e-7


@settings(deadline=None, max_examples=60)
@given(seeds, widths)
def test_an_invertible_map_costs_almost_nothing_for_small_alpha(seed: int, width: int) -> None:
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(200, width))
    stretched = orthogonal(generator, width) * np.geomspace(0.1, 10, width) @ orthogonal(generator, width)
    assert shape_distance(x, x @ stretched, LINEAR) < 1e-3


@settings(deadline=None, max_examples=60)
@given(seeds, widths, widths, widths, st.sampled_from([ROTATION, 0.3, LINEAR]))
def test_angles_are_symmetric_bounded_and_obey_the_triangle_inequality(
    seed: int, a: int, b: int, c: int, alpha: float
) -> None:
    generator = np.random.default_rng(seed)
    shared = generator.normal(size=(60, 3))
    x, y, z = (shared @ generator.normal(size=(3, w)) + generator.normal(size=(60, w)) for w in (a, b, c))
    xy, yz, xz = shape_distance(x, y, alpha), shape_distance(y, z, alpha), shape_distance(x, z, alpha)
    assert abs(shape_distance(y, x, alpha) - xy) < 1e-9
    assert all(0 <= angle <= np.pi / 2 + 1e-9 for angle in (xy, yz, xz))
    assert xz <= xy + yz + 1e-9
    if alpha == LINEAR:
        assert xy >= dimension_floor(a, b) - 1e-3
