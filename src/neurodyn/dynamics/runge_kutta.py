"""A flow as a map: one Runge-Kutta step with its exact Jacobian."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from neurodyn.config import check_range
from neurodyn.dynamics.discrete_map import DiscreteMap
from neurodyn.shapes import Array


def runge_kutta(
    drift: Callable[[Array, Array], Array], jacobian: Callable[[Array, Array], Array], step: float
) -> DiscreteMap:
    """One classical Runge-Kutta step (of fourth order) of dx/dt = drift(x, u), the input held.

    The Jacobian is that of the step itself, by the chain rule through its four stages: no approximation beyond the step's.

    Args:
        drift: `(state, inputs)`, `(trial, state)` and `(trial, input)`, to derivatives `(trial, state)`.
        jacobian: of the drift, `(trial, state, state)`.
        step: in the drift's unit of time.

    Raises:
        InvalidInput: a step of zero or less.

    >>> decay = runge_kutta(lambda x, u: -x, lambda x, u: -np.ones((len(x), 1, 1)), 0.1)
    >>> round(float(decay.step(np.ones((1, 1)), np.zeros((1, 0)))[0, 0]), 7), round(float(np.exp(-0.1)), 7)
    (0.9048375, 0.9048374)
    """
    check_range("step", step, 0, open_low=True)

    def stages(state: Array, inputs: Array) -> tuple[list[Array], list[Array]]:
        at, slopes = [state], [drift(state, inputs)]
        for part in (0.5, 0.5, 1.0):
            at.append(state + part * step * slopes[-1])
            slopes.append(drift(at[-1], inputs))
        return at, slopes

    def stepped(state: Array, inputs: Array) -> Array:
        k1, k2, k3, k4 = stages(state, inputs)[1]
        return np.asarray(state + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4))

    def slope(state: Array, inputs: Array) -> Array:
        at = stages(state, inputs)[0]
        same = np.eye(state.shape[1])
        changes = [jacobian(at[0], inputs)]
        for part, place in zip((0.5, 0.5, 1.0), at[1:]):
            changes.append(jacobian(place, inputs) @ (same + part * step * changes[-1]))
        k1, k2, k3, k4 = changes
        return np.asarray(same + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4))

    return DiscreteMap(stepped, slope)
