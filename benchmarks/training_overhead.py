"""What does training through Lightning add to a step of a bare loop? Median over interleaved rounds, CPU clock, one thread.

python benchmarks/training_overhead.py [--rounds 5]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from neurodyn.data.batch import Observed
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.learning.bptt import BPTT
from neurodyn.models.base import Model, Output
from neurodyn.objectives.base import Step
from neurodyn.objectives.poisson import Poisson, PoissonConfig
from neurodyn.training.batches import Batches
from neurodyn.training.config import TrainConfig
from neurodyn.training.fit import fit

EPOCHS, TRAINING, BATCH = 5, 800, 8


@dataclass(frozen=True)
class TrivialConfig:
    """No options."""


class Trivial(Model):
    """One linear layer: next to no work a step."""

    Config: ClassVar = TrivialConfig

    def __init__(self, config: Any, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.map = nn.Linear(spec.only.units, spec.only.units)

    def forward(self, observed: Observed, privileged: Mapping[str, Tensor] | None = None) -> Output:
        return Output({"counts": self.map(observed.neural)[..., None]})


def _through_lightning(train: Trials, valid: Trials) -> float:
    model = Trivial(TrivialConfig(), DataSpec.of(train))
    config = TrainConfig(epochs=EPOCHS, batch_size=BATCH)
    start = time.process_time()
    fit(model, [train], [valid], Poisson(PoissonConfig(), model), BPTT(), config)
    return time.process_time() - start


def _bare(train: Trials) -> float:
    model = Trivial(TrivialConfig(), DataSpec.of(train))
    objective, rule = Poisson(PoissonConfig(), model), BPTT()
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    start = time.process_time()
    batches = Batches([train], BATCH, 0)
    for epoch in range(EPOCHS):
        for index in range(batches.steps):
            optimizer.zero_grad(set_to_none=True)
            step = Step(epoch, epoch * batches.steps + index)
            rule.gradients(model, objective, batches.at(epoch, index), step)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 200.0)
            optimizer.step()
    return time.process_time() - start


def measure(rounds: int) -> dict[str, float]:
    """Milliseconds a step: both loops, and the median difference."""
    torch.set_num_threads(1)
    counts = np.random.default_rng(0).poisson(0.3, (TRAINING + 8, 10, 6))
    trials = Trials.from_arrays(counts, bin_s=0.02)
    train, valid = trials.select(slice(TRAINING)), trials.select(slice(TRAINING, None))
    _through_lightning(train, valid)  # imports and first calls
    pairs = [(_through_lightning(train, valid), _bare(train)) for _ in range(rounds)]
    scale = 1e3 / (EPOCHS * TRAINING / BATCH)
    return {
        "lightning_ms": statistics.median(a for a, _ in pairs) * scale,
        "bare_ms": statistics.median(b for _, b in pairs) * scale,
        "added_ms": statistics.median(a - b for a, b in pairs) * scale,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    print(json.dumps(measure(parser.parse_args().rounds)))
