"""A small noisy model and its training, shared by the tests here; as a script it trains into the folder given."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from neurodyn.data.batch import Batch, Observed
from neurodyn.data.spec import DataSpec
from neurodyn.data.transforms.base import Transform
from neurodyn.data.trials import Trials
from neurodyn.learning.bptt import BPTT
from neurodyn.models.base import Model, Output
from neurodyn.objectives.poisson import Poisson, PoissonConfig
from neurodyn.training.config import TrainConfig
from neurodyn.training.fit import Fitted, fit
from neurodyn.training.run import Run


class HideSome(Transform):
    """Zeroes a tenth of what the encoder sees."""

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        neural = batch.observed.neural
        kept = torch.rand(neural.shape, generator=generator) > 0.1
        signals = {**batch.observed.signals, "counts": neural * kept}
        return dataclasses.replace(batch, observed=dataclasses.replace(batch.observed, signals=signals))


@dataclass(frozen=True)
class NoisyConfig:
    """Options of the noisy model."""

    width: int = 8
    """Hidden units."""
    pause_s: float = 0.0
    """Seconds to sleep in every training pass."""


class Noisy(Model):
    """One hidden layer with dropout and noise, bin by bin."""

    Config: ClassVar = NoisyConfig

    def __init__(self, config: Any, spec: DataSpec) -> None:
        super().__init__(config, spec)
        session = spec.only
        self.read = nn.Linear(session.heldin, config.width)
        self.out = nn.Linear(config.width, session.units)
        self.dropout = nn.Dropout(0.2)
        self.register_buffer("passes", torch.zeros((), dtype=torch.long))

    def transforms(self) -> list[Transform]:
        return [HideSome()]

    def forward(self, observed: Observed, privileged: Mapping[str, Tensor] | None = None) -> Output:
        hidden = self.dropout(torch.tanh(self.read(observed.neural)))
        if self.training:
            self.passes += 1
            time.sleep(self.config.pause_s)
        if self.samples_posterior:
            hidden = hidden + 0.1 * torch.randn_like(hidden)
        hidden = nn.functional.pad(hidden, (0, 0, 0, observed.bins - hidden.shape[1]))
        return Output({observed.neural_name or "": self.out(hidden)[..., None]}, latents=hidden)


def some_trials(trials: int = 60, bins: int = 12, units: int = 8, seed: int = 0, **options: Any) -> Trials:
    """Units that share one rate a trial, so that held-in units tell about held-out ones."""
    rng = np.random.default_rng(seed)
    gain = rng.gamma(2.0, 0.5, (trials, 1, 1))
    counts = rng.poisson(gain * np.linspace(0.2, 1.0, units) * np.ones((1, bins, 1)))
    return Trials.from_arrays(counts, bin_s=0.02, heldin=range(units - 2), forward=2, **options)


CONFIG = TrainConfig(
    epochs=24, batch_size=16, learning_rate=0.01, average_decay=0.9, schedule="plateau", warmup_epochs=3
)
TWO = dataclasses.replace(CONFIG, epochs=12, processes=2)
"""The same in two processes, shorter: they wait for each other at every step, which takes long on a busy machine."""


def train(
    run: Run | None,
    *,
    resume: bool = False,
    pause_s: float = 0.0,
    config: TrainConfig = CONFIG,
    seed: int = 3,
    until: int | None = None,
) -> tuple[Noisy, Fitted]:
    """The training every test of resuming repeats."""
    trials = some_trials()
    torch.manual_seed(11)
    model = Noisy(NoisyConfig(pause_s=pause_s), DataSpec.of(trials))
    parts = [trials.select(range(45))], [trials.select(range(45, 60))]
    objective = Poisson(PoissonConfig(), model)
    return model, fit(model, *parts, objective, BPTT(), config, run=run, seed=seed, resume=resume, until=until)


if __name__ == "__main__":
    train(Run.create(sys.argv[1]), pause_s=0.01)
