"""A model that trains in no time and fails when told to, and a search over it; as a script it searches into the folder given."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from neurodyn.config import check_range
from neurodyn.data.batch import Observed
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.engines.base import Finished
from neurodyn.engines.serial import Serial
from neurodyn.models.base import Model, Output
from neurodyn.search.run import search
from neurodyn.search.study import Study


@dataclass(frozen=True)
class ToyConfig:
    """Options of the toy."""

    width: int = 4
    """Hidden units."""
    dropout: float = 0.1
    """Of the hidden units."""
    fuse: float = 0.0
    """Above 0.8 its output is NaN, above 0.9 its process is killed."""
    pause_s: float = 0.0
    """Seconds to sleep in every training pass."""

    def __post_init__(self) -> None:
        check_range("model.width", self.width, 1)
        check_range("model.dropout", self.dropout, 0, 0.99)


class Toy(Model):
    """One hidden layer, bin by bin."""

    Config: ClassVar = ToyConfig
    training_defaults: ClassVar[Mapping[str, Any]] = {"warmup_epochs": 0, "batch_size": 16, "average_decay": 0.5}

    def __init__(self, config: Any, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.read = nn.Linear(spec.only.heldin, config.width)
        self.out = nn.Linear(config.width, spec.only.units)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, observed: Observed, privileged: Mapping[str, Tensor] | None = None) -> Output:
        if self.training and self.config.fuse > 0.9:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.training:
            time.sleep(self.config.pause_s)
        hidden = self.dropout(torch.tanh(self.read(observed.neural)))
        rates = self.out(nn.functional.pad(hidden, (0, 0, 0, observed.bins - hidden.shape[1])))
        return Output({observed.neural_name or "": (rates + (np.nan if self.config.fuse > 0.8 else 0.0))[..., None]})


MODEL = "tiny_search:Toy"
SPACE: dict[str, Any] = {
    "train.learning_rate": "log_uniform(1e-3, 1e-1, start=0.01)",
    "model.dropout": "uniform(0, 0.6)",
}


def some_trials(trials: int = 40, bins: int = 6, units: int = 6) -> Trials:
    """Units that share one rate a trial."""
    rng = np.random.default_rng(0)
    gain = rng.gamma(2.0, 0.5, (trials, 1, 1))
    counts = rng.poisson(gain * np.linspace(0.2, 1.0, units) * np.ones((1, bins, 1)))
    return Trials.from_arrays(counts, bin_s=0.02, heldin=range(units - 2))


def searched(out: Path, **options: Any) -> Study:
    """Five members, three generations of two epochs."""
    settings = {
        "population": 5,
        "generations": 2,
        "generation_epochs": 2,
        "burn_in_epochs": 2,
        "engine": "serial",
        "seed": 2,
    }
    return search(MODEL, some_trials(), out=out, **{"space": SPACE, "progress": False, **settings, **options})


def lineage_text(study: Study) -> str:
    """What `lineage.jsonl` says."""
    return (study.path / "lineage.jsonl").read_text()


class Breaks(Serial):
    """Ctrl-C after so many tasks."""

    def __init__(self, tasks: int) -> None:
        super().__init__()
        self.left = tasks

    def results(self, function: Any, tasks: Sequence[Any]) -> Iterator[Finished]:
        for finished in super().results(function, tasks):
            yield finished
            self.left -= 1
            if not self.left:
                raise KeyboardInterrupt


if __name__ == "__main__":
    import tiny_search  # by the name that members are recorded with

    tiny_search.searched(Path(sys.argv[1]), engine="local", workers=2, resume=True, pause_s=0.1)
