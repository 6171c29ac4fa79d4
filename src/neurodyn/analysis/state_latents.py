"""From states of a model's dynamics to its latents."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from neurodyn import registry
from neurodyn.errors import InvalidInput
from neurodyn.models.base import Model
from neurodyn.shapes import Array, Float


@torch.no_grad()
def latents_of(model: Model, states: Float[Array, "*axes state"], width: int) -> Float[Array, "*axes latent"]:
    """The model's factors of its states; a model without a map from states to factors has its states for latents.

    Args:
        model: in float64 and evaluation mode, on the CPU.
        states: of its dynamics.
        width: of its latents.

    Raises:
        InvalidInput: a model without such a map whose states are wider or narrower than its latents.
    """
    mapped: Any = getattr(model, "factors_of", None)
    if mapped is not None:
        return np.asarray(mapped(torch.from_numpy(np.ascontiguousarray(states))).numpy())
    if states.shape[-1] != width:
        expected = f"states of {width} numbers, as its latents, or factors_of"
        raise InvalidInput("model", f"{registry.name_of(type(model))} with states of {states.shape[-1]}", expected)
    return states
