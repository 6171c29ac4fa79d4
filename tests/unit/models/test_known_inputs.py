"""Known inputs reach the generator on its own scale."""

import numpy as np
import torch

from neurodyn.data.batch import Batch
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.models.lfads import LFADS, LFADSConfig


def session(scale: float) -> Trials:
    generator = np.random.default_rng(0)
    inputs = generator.normal(3, 1, (6, 10, 2)) * scale
    return Trials.from_arrays(generator.poisson(1.0, (6, 10, 5)), bin_s=0.02, forward=2, inputs=inputs)


def factors(scale: float) -> torch.Tensor:
    trials = session(scale)
    torch.manual_seed(0)
    model = LFADS(LFADSConfig(known_inputs=True, inferred_inputs=0), DataSpec.of(trials))
    model.prepare([trials])
    latents = model.eval()(Batch.of(trials).observed).latents
    assert latents is not None
    return latents


def test_the_unit_of_known_inputs_does_not_matter() -> None:
    torch.testing.assert_close(factors(1.0), factors(1e-3), rtol=1e-3, atol=1e-4)
    assert factors(1.0).std() > 0.01
