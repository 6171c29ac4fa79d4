"""How training changed a network's recurrent weights."""

from __future__ import annotations

import torch

from neurodyn.dynamics.recurrent_spectrum import RecurrentSpectrum, recurrent_spectrum
from neurodyn.estimator import Estimator
from neurodyn.models.base import Model
from neurodyn.models.task_rnn import TaskRNN
from neurodyn.training.run import Run


@torch.no_grad()
def weight_change(fitted: Run | Estimator) -> RecurrentSpectrum | None:
    """Spectra of the weights that activity passes through (those under constraints), as the seed draws them and at the best epoch; None of a model without such."""
    plan, model = (fitted.plan, fitted.model()) if isinstance(fitted, Run) else (fitted.plan_, fitted.model_)
    if not isinstance(model, TaskRNN):
        return None
    before: Model = plan.build_model(model.spec)
    assert isinstance(before, TaskRNN)
    return recurrent_spectrum(before.weights.cpu().numpy(), model.weights.cpu().numpy())
