"""The loop of a leaky rate network is its equation, with noise, time constants of each unit and weights of each trial."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from leaky_networks import FORMS, case, differentiated
from neurodyn.models.parts.leaky_recurrence import drive_of, run


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("constants", [(0.05,), (0.02, 0.03, 0.1)])
@pytest.mark.parametrize("noisy", [False, True])
def test_the_path_is_the_equation(form: str, constants: tuple[float, ...], noisy: bool) -> None:
    made = case(form, time_constants_s=constants, nonlinearity="retanh")
    model, inputs = made.model, made.inputs
    noise = torch.randn(*inputs.shape[:2], 6, dtype=torch.float64) if noisy else None
    expected = differentiated(made, noise=noise)
    with torch.no_grad():
        drive = drive_of(model.leak, inputs, model.input, model.bias)
        path = run(model.leak, drive, model.weights, model.initial, noise)
        torch.testing.assert_close(path.activity[1:], expected.activity)
        torch.testing.assert_close(path.read(model.output, model.output_bias), expected.outputs)
    assert path.noisy == noisy


@pytest.mark.parametrize("form", FORMS)
def test_weights_of_each_trial(form: str) -> None:
    made = case(form)
    model, inputs = made.model, made.inputs
    trials = inputs.shape[1]
    several = model.weights.detach() + 0.1 * torch.randn(trials, 6, 6, dtype=torch.float64)
    starts = torch.randn(trials, 6, dtype=torch.float64)

    def path(which: slice, weights: Tensor, start: Tensor) -> Tensor:
        drive = drive_of(model.leak, inputs[:, which], model.input, model.bias)
        return run(model.leak, drive, weights, start).activity

    with torch.no_grad():
        together = path(slice(None), several, starts)
        for trial in range(trials):
            alone = path(slice(trial, trial + 1), several[trial], starts[trial])
            torch.testing.assert_close(together[:, trial : trial + 1], alone)
