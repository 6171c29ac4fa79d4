"""The two encoders of LFADS: of the initial condition, and of the controller's input, which lags."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from neurodyn.models.parts.gru import ClippedGRU, ClippedGRUSequence, run_stacked

Cells = Sequence[ClippedGRU]


def encode(
    x: Tensor, initial: Cells, initial_start: Tensor, inputs: Cells, inputs_start: Tensor | None, lag: int
) -> tuple[Tensor | None, Tensor | None]:
    """Runs both encoders over a batch; of one size both ways, all four networks run as one loop.

    Args:
        x: `(time, trial, channel)`.
        initial: forward and backward network of the initial condition; empty for none.
        initial_start: their trained initial states `(2, encoder)`.
        inputs: forward and, unless it is causal, backward network of the controller's input; empty for none.
        inputs_start: their trained initial states.
        lag: what the controller sees at t is the forward state of t − lag and the backward state of t + lag; zeros where there is none.

    Returns:
        Final states `(trial, 2 * encoder)` and lagged states `(time, trial, ways * encoder)`, each None without its networks.
    """
    sequences = torch.stack([x, x.flip(0)])
    first, second = list(initial), list(inputs)
    starts = list(initial_start) if first else []
    others = [] if inputs_start is None else list(inputs_start)
    if first and len(second) == 2 and first[0].size == second[0].size:
        states = run_stacked(sequences, first + second, starts + others)
        return _final(states[:2]), _lagged(states[2:], lag)
    final = _final(run_stacked(sequences, first, starts)) if first else None
    lagged = _lagged(run_stacked(sequences[: len(second)], second, others), lag) if second else None
    return final, lagged


def encode_areas(
    x: Tensor, initial: Sequence[Cells], initial_start: Tensor, inputs: Sequence[Cells], inputs_start: Tensor, lag: int
) -> tuple[Tensor, Tensor | None]:
    """Both encoders of every area, each reading its own area alone, as one loop over all networks.

    Args:
        x: area by area `(area, time, trial, channel)`; an area with fewer channels leaves the last ones zero.
        initial: of each area the forward and backward network of the initial condition; all networks are of one size.
        initial_start: their trained initial states `(area, 2, encoder)`.
        inputs: of each area those of the controller's input, or no area at all.
        inputs_start: their trained initial states.
        lag: as in `encode`.

    Returns:
        Final states `(area, trial, 2 * encoder)`; lagged states `(area, time, trial, 2 * encoder)`, None without their networks.
    """
    areas, width = len(x), x.shape[3]
    cells = [cell for pair in (*initial, *inputs) for cell in pair]
    first = torch.cat([initial_start, inputs_start]).flatten(0, 1)
    states = ClippedGRUSequence.apply(  # type: ignore[no-untyped-call]
        torch.stack([x, x.flip(1)], 1).flatten(0, 1),
        torch.stack([F.pad(c.input_weight, (0, 0, 0, width - c.inputs)) for c in cells]),
        torch.stack([c.recurrent_weight for c in cells]),
        torch.stack([c.bias for c in cells]),
        first[:, None].expand(-1, x.shape[2], -1),
        cells[0].clip,
    ).unflatten(0, (-1, 2))
    final = torch.stack([_final(each) for each in states[:areas]])
    return final, torch.stack([_lagged(each, lag) for each in states[areas:]]) if inputs else None


def _final(states: Tensor) -> Tensor:
    return torch.cat([states[0, -1], states[1, -1]], 1)


def _lagged(states: Tensor, lag: int) -> Tensor:
    time = states.shape[1]
    lag = min(lag, time)
    nothing = states.new_zeros(lag, *states.shape[2:])
    parts = [torch.cat([nothing, states[0, : time - lag]])]
    if len(states) == 2:  # the backward network ran in reversed time
        parts.append(torch.cat([states[1, : time - lag].flip(0), nothing]))
    return torch.cat(parts, 2)
