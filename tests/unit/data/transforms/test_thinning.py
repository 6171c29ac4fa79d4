"""Thinning shows the encoder a share of the spikes."""

import numpy as np
import pytest
import torch
from population_batches import CASES, batch

from neurodyn.data.transforms.thinning import Thinning, ThinningConfig
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput


@pytest.mark.parametrize("case", CASES)
def test_a_binomial_share_of_every_count_is_seen(case: str) -> None:
    given = batch(case)
    drawn = [Thinning(ThinningConfig(keep=0.6))(given, torch.Generator().manual_seed(s)) for s in range(300)]
    kept = torch.stack([each.observed.neural * 0.6 for each in drawn])
    whole = given.observed.neural
    torch.testing.assert_close(kept, kept.round())
    assert (kept <= whole + 1e-4).all() and (kept >= 0).all()
    many = whole >= 2
    torch.testing.assert_close(kept.mean(0)[many].mean(), 0.6 * whole[many].mean(), rtol=0.01, atol=0)
    torch.testing.assert_close(kept.var(0)[many].mean(), 0.24 * whole[many].mean(), rtol=0.03, atol=0)
    assert all(torch.equal(each.targets["counts"], given.targets["counts"]) for each in drawn)


def test_off_and_refused() -> None:
    given = batch("plain")
    assert Thinning(ThinningConfig(keep=1.0))(given, torch.Generator()) is given
    with pytest.raises(InvalidInput, match=r"thinning\.keep"):
        ThinningConfig(keep=0.0)
    with pytest.raises(InvalidInput, match="thinning on fluorescence"):
        Thinning().prepare([Trials.from_arrays(bin_s=0.02, fluorescence=np.ones((3, 6, 2)))])
