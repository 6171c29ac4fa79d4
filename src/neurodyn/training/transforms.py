"""The transforms of a run: those it asks for and those of its model, in the order in which they act."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from neurodyn import registry
from neurodyn.data.transforms.base import Transform
from neurodyn.data.transforms.sample_validation import SampleValidation
from neurodyn.data.transforms.window_shift import WindowShift
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.models.base import Model


def prepared_transforms(model: Model, asked: Sequence[Any], train: Sequence[Trials]) -> list[Transform]:
    """Transforms in order of their stage (within one: those asked for, as listed, then the model's own), prepared for the training trials.

    Args:
        model: its own transforms act too, unless one of the same class is asked for.
        asked: configs of transforms.
        train: training trials of each session.

    Raises:
        InvalidInput: a transform that these trials cannot go through, or two that exclude each other.
    """
    found: list[Transform] = [registry.load("transforms", registry.name_of(type(c)))(c) for c in asked]
    replaced = {type(transform) for transform in found}
    found += [transform for transform in model.transforms() if type(transform) not in replaced]
    found.sort(key=lambda transform: transform.stage)
    for transform in found:
        transform.prepare(train)
    moved = any(isinstance(t, WindowShift) and t.moves for t in found)
    if moved and any(isinstance(t, SampleValidation) for t in found):
        raise InvalidInput(
            "train.transforms",
            "sample_validation, and training windows that move",
            "windows that stay: moved ones would show what is withheld",
            "Use model.mode=release, or leave out sample_validation.",
        )
    return found
