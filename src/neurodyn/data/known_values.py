"""The recorded values of a population, a part at a time, for whoever must look at all of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from neurodyn.data.trials import Trials

_AT_A_TIME = 2**24
"""Values read at a time."""
_AT_MOST = 2**27
"""Values read of a session: of larger recordings, evenly spaced trials."""


def known_values(trials: Trials) -> Iterator[Tensor]:
    """Values of the population that were recorded, `(value,)` at a time; of a session of more than a hundred million values, those of some trials."""
    entries = trials.bins * trials.units
    size = max(1, min(256, _AT_A_TIME // entries))
    some = min(len(trials), max(1, _AT_MOST // entries))
    looked_at = np.unique(np.linspace(0, len(trials) - 1, some).astype(int))
    for rows in np.array_split(looked_at, -(-some // size)):
        values = torch.from_numpy(trials.neural.rows(rows).astype(np.float32))
        yield values[torch.from_numpy(np.ascontiguousarray(trials.known[rows])).expand_as(values)]
