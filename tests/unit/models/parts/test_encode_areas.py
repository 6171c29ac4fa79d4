"""The encoders of several areas as one loop against each area's own."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from neurodyn.models.parts.gru import ClippedGRU
from neurodyn.models.parts.lagged_encoders import encode, encode_areas

WIDTHS, SIZE, TIME, TRIALS = (3, 5, 2), 4, 6, 7


@pytest.mark.parametrize("private", [True, False])
def test_areas_together_are_areas_alone(private: bool) -> None:
    torch.manual_seed(0)
    pairs = [[[ClippedGRU(w, SIZE, encoder=True) for _ in range(2)] for w in WIDTHS] for _ in range(2)]
    starts = [torch.randn(3, 2, SIZE) for _ in range(2)]
    seen = [torch.randn(TIME, TRIALS, w) for w in WIDTHS]
    padded = torch.stack([F.pad(x, (0, max(WIDTHS) - x.shape[2])) for x in seen])
    inputs, start = (pairs[1], starts[1]) if private else ([], starts[1][:0])
    final, lagged = encode_areas(padded, pairs[0], starts[0], inputs, start, 2)
    assert (lagged is not None) == private
    for a, x in enumerate(seen):
        own = (pairs[1][a], starts[1][a]) if private else ([], None)
        one_final, one_lagged = encode(x, pairs[0][a], starts[0][a], *own, 2)
        torch.testing.assert_close(final[a], one_final)
        if lagged is not None:
            torch.testing.assert_close(lagged[a], one_lagged)
