"""The axis vocabulary and the array types built from it.

Axes come in this order and are spelled so: `session`, `trial` (a batch is of trials), `time` (bins), then one of `unit`,
`latent`, `input`, `behaviour`, `parameter`. Shapes in signatures are checked in the tests (jaxtyping with beartype); users pay nothing.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

__all__ = ["Array", "Bool", "Float", "Int", "Shaped", "Tensor"]

Array = np.ndarray
