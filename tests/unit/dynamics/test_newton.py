"""Newton's method from many starts."""

import numpy as np

from neurodyn.dynamics.newton import newton


def cubic(x):
    return 0.1 * (x - x**3)


def slope(x):
    return (0.1 * (1 - 3 * x**2))[:, :, None]


def test_finds_each_root_of_a_cubic_once():
    roots = newton(cubic, slope, np.linspace(-2, 2, 41)[:, None])
    np.testing.assert_allclose(roots, [[-1], [0], [1]], atol=1e-9)


def test_roots_outside_the_bounds_are_not_found():
    np.testing.assert_allclose(newton(cubic, slope, np.linspace(-0.4, 2, 41)[:, None], low=-0.5), [[0], [1]], atol=1e-9)


def test_no_root_of_a_translation():
    roots = newton(np.ones_like, lambda x: np.zeros((len(x), 2, 2)), np.zeros((3, 2)))
    assert roots.shape == (0, 2)
