"""The Jacobian of what is recorded of the two-area circuit, over a bin."""

import numpy as np
import pytest
from scipy.linalg import expm

from neurodyn.simulate.two_area import TwoArea, TwoAreaConfig

BLOCKS = {"pfc": slice(2, 4), "ppc": slice(0, 2), "both": slice(0, 4)}


def rows(seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 0.7, (6, 4)), np.concatenate([rng.normal(0.01, 0.005, (6, 2)), np.zeros((6, 2))], 1)


@pytest.mark.parametrize("recorded", BLOCKS)
@pytest.mark.parametrize("integrator", ["euler", "rk4"])
@pytest.mark.parametrize("preset", ["rec", "recnf"])
def test_it_is_the_derivative_with_the_rest_on_its_course(recorded, integrator, preset):
    area = TwoArea(TwoAreaConfig(preset=preset, recorded=recorded, integrator=integrator))
    state, drive = rows()
    seen = BLOCKS[recorded]

    def end(nudged):
        """A bin from nudged recorded populations; the others are set back to their course before every stage."""
        now, course = nudged.copy(), state.copy()
        h = 0.001

        def slope(at, on_course):
            mixed = on_course.copy()
            mixed[:, seen] = at[:, seen]
            return area.circuit.drift(mixed, drive)

        for _ in range(10):
            k, c = [slope(now, course)], [area.circuit.drift(course, drive)]
            if integrator == "rk4":
                for part in (0.5, 0.5, 1):
                    last_k, last_c = k[-1], c[-1]
                    k.append(slope(now + part * h * last_k, course + part * h * last_c))
                    c.append(area.circuit.drift(course + part * h * last_c, drive))
                now = now + h * (k[0] + 2 * k[1] + 2 * k[2] + k[3]) / 6
                course = course + h * (c[0] + 2 * c[1] + 2 * c[2] + c[3]) / 6
            else:
                now, course = now + h * k[0], course + h * c[0]
        return now[:, seen]

    np.testing.assert_allclose(end(state), area.step(state, drive)[:, seen], atol=1e-12)
    columns = []
    for i in range(4)[seen]:
        away = np.zeros(4)
        away[i] = 1e-6
        columns.append((end(state + away) - end(state - away)) / 2e-6)
    np.testing.assert_allclose(area.latent_jacobian(state, drive), np.stack(columns, 2), atol=2e-8)


def test_at_a_fixed_point_it_is_the_exponential_of_the_drifts_jacobian():
    """The product of a fine integrator's substeps approaches expm(bin A); table 1.3's eigenvalues follow."""
    area = TwoArea(TwoAreaConfig(preset="no_coupling", integrator="rk4"))
    rest = np.full((1, 4), 0.08411)
    rest[:, 2:] = area.circuit.fixed_points()[0, 2:]
    exact = expm(0.01 * area.circuit.jacobian(rest)[0, 2:, 2:])
    np.testing.assert_allclose(area.latent_jacobian(rest)[0], exact, atol=1e-4)


def test_of_both_areas_it_is_the_whole_circuits():
    area = TwoArea(TwoAreaConfig(recorded="both"))
    state, drive = rows(1)
    columns = []
    for i in range(4):
        away = 1e-6 * np.eye(4)[i]
        columns.append((area.step(state + away, drive) - area.step(state - away, drive)) / 2e-6)
    np.testing.assert_allclose(area.latent_jacobian(state, drive), np.stack(columns, 2), atol=2e-8)
