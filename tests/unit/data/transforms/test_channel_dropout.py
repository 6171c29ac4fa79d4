"""Channel dropout hides whole units, anew in every trial."""

import pytest
import torch
from population_batches import HELDIN, batch, population

from neurodyn.data.batch import Batch
from neurodyn.data.transforms.channel_dropout import ChannelDropout, ChannelDropoutConfig


def test_whole_units_are_hidden_and_the_rest_scaled() -> None:
    given = Batch.of(population(500, rate=20.0))
    out = ChannelDropout(ChannelDropoutConfig(rate=0.25))(given, torch.Generator().manual_seed(0))
    hidden = (out.observed.neural == 0).all(1)
    assert hidden.shape == (500, HELDIN) and hidden.float().mean().item() == pytest.approx(0.25, abs=0.03)
    assert 0 < hidden.any(1).float().mean() < 1
    shown = ~hidden[:, None].expand_as(given.observed.neural)
    torch.testing.assert_close(out.observed.neural[shown], given.observed.neural[shown] / 0.75)
    assert torch.equal(out.targets["counts"], given.targets["counts"]) and not out.loss_weight


def test_rate_zero_is_off() -> None:
    given = batch("plain")
    assert ChannelDropout(ChannelDropoutConfig(rate=0.0))(given, torch.Generator()) is given
