"""A dynamical system in steps, with its Jacobian: what the methods of this folder work on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float

_DIFFERENCE = 1e-6
"""Relative step of central differences: the third root of float64's precision."""


class DiscreteMap:
    """x' = F(x, u) for many states at once, in float64, with ∂F/∂x.

    Made by `of_arrays` (a simulator), `of_flow` (a drift) or `of_tensors` (a model).

    >>> halved = DiscreteMap.of_arrays(lambda x, u: 0.5 * x + u)
    >>> halved.step(np.ones((1, 1)), np.ones((1, 1))), round(float(halved.jacobian(np.ones((1, 1)), np.ones((1, 1)))[0, 0, 0]), 6)
    (array([[1.5]]), 0.5)
    """

    def __init__(self, step: Callable[[Array, Array], Array], jacobian: Callable[[Array, Array], Array]) -> None:
        self._step, self._jacobian = step, jacobian

    def step(
        self, state: Float[Array, "trial state"], inputs: Float[Array, "trial input"]
    ) -> Float[Array, "trial state"]:
        """States one step later.

        Raises:
            InvalidInput: a step that changes the shape of a state.
        """
        after = self._step(state, inputs)
        if after.shape != state.shape:
            raise InvalidInput("step", f"states {after.shape} from {state.shape}", "states of the same shape")
        return after

    def jacobian(
        self, state: Float[Array, "trial state"], inputs: Float[Array, "trial input"]
    ) -> Float[Array, "trial state state"]:
        """`[trial, i, j]` = ∂F_i/∂x_j."""
        return self._jacobian(state, inputs)

    @staticmethod
    def of_arrays(
        step: Callable[[Array, Array], Array], jacobian: Callable[[Array, Array], Array] | None = None
    ) -> DiscreteMap:
        """Of a step on NumPy arrays; without a Jacobian, by central differences."""
        return DiscreteMap(step, jacobian or (lambda state, inputs: _differences(step, state, inputs)))

    @staticmethod
    def of_flow(
        drift: Callable[[Array, Array], Array], jacobian: Callable[[Array, Array], Array], step_s: float
    ) -> DiscreteMap:
        """One explicit Euler step of dx/dt = drift(x, u), whose Jacobian is that of the drift, in 1/s.

        Its fixed points are those of the flow; an eigenvalue κ of the drift becomes 1 + step κ.
        """

        def slope(state: Array, inputs: Array) -> Array:
            return np.asarray(np.eye(state.shape[1]) + step_s * jacobian(state, inputs))

        return DiscreteMap(lambda state, inputs: state + step_s * drift(state, inputs), slope)

    @staticmethod
    def of_tensors(step: Callable[..., Any], device: Any = None) -> DiscreteMap:
        """Of a differentiable step on float64 tensors, such as a `Model.step`, with the Jacobian by automatic differentiation.

        Rows must not depend on each other. A model is made float64 and put into evaluation mode by the caller.
        """
        import torch

        def tensors(*arrays: Array) -> list[Any]:
            return [torch.as_tensor(a, dtype=torch.float64, device=device) for a in arrays]

        def forward(state: Array, inputs: Array) -> Array:
            with torch.no_grad(), _one_thread():
                return np.asarray(step(*tensors(state, inputs)).cpu().numpy())

        def backward(state: Array, inputs: Array) -> Array:
            # One backward pass for each component, over all rows: faster than a vmap over them, and any operation will do.
            x, u = tensors(state, inputs)
            x.requires_grad_()
            with torch.enable_grad(), _one_thread():
                after = step(x, u)
                rows = [
                    torch.autograd.grad(after[:, i].sum(), x, retain_graph=True, materialize_grads=True)[0]
                    for i in range(after.shape[1])
                ]
            return np.asarray(torch.stack(rows, 1).cpu().numpy())

        return DiscreteMap(forward, backward)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Many small products: threads that wait for each other would cost more than they save."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _differences(step: Callable[[Array, Array], Array], state: Array, inputs: Array) -> Array:
    columns = []
    for j in range(state.shape[1]):
        h = np.zeros_like(state)
        h[:, j] = _DIFFERENCE * np.maximum(1.0, np.abs(state[:, j]))
        columns.append((step(state + h, inputs) - step(state - h, inputs)) / (2 * h[:, j : j + 1]))
    return np.stack(columns, 2)
