import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

from neurodyn.data.batch import Observed
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.models.base import Model, Output
from neurodyn.objectives.base import Step
from neurodyn.objectives.poisson import Poisson, PoissonConfig
from neurodyn.training.selection import Validation

CPU = torch.device("cpu")


@dataclass(frozen=True)
class GivenConfig:
    """Which likelihood."""

    observation: str | None = None
    """By name."""


class Given(Model):
    """Says what it was given, in recorded trial order; units in batch order."""

    Config: ClassVar = GivenConfig

    def __init__(self, spec: DataSpec, parameters: list[Tensor], observation: str | None = None) -> None:
        super().__init__(GivenConfig(observation), spec)
        self.parameters_given, self.next = parameters, 0

    def forward(self, observed: Observed, privileged: Mapping[str, Tensor] | None = None) -> Output:
        given = self.parameters_given[observed.session][self.next : self.next + observed.trials]
        self.next = (self.next + observed.trials) % len(self.parameters_given[observed.session])
        return Output({observed.neural_name or "": given})


def _trials(seed: int, **more: Any) -> Trials:
    rng = np.random.default_rng(seed)
    mask = np.ones((9, 7), bool)
    mask[2:5, 4:] = False
    counts = rng.poisson(rng.gamma(2, 0.5, (9, 7, 5)))
    return Trials.from_arrays(
        **{"counts": counts, "bin_s": 0.05, "heldin": [0, 2, 4], "forward": 2, "mask": mask, **more}
    )


def _score(trials: list[Trials], log_rates: list[np.ndarray], size: int = 4) -> float:
    given = [torch.from_numpy(r[:, :, t.unit_order, None]).float() for r, t in zip(log_rates, trials)]
    model = Given(DataSpec.of(trials), given)
    validation = Validation(trials, "unseen_bps", CPU, size)
    return validation(model, Poisson(PoissonConfig(), model), Step())[1]


def _by_hand(trials: list[Trials], log_rates: list[np.ndarray], *, hidden_only: bool = True) -> float:
    gain = spikes = 0.0
    for t, log_rate in zip(trials, log_rates):
        for unit in range(5):
            counted = t.mask.copy()
            if hidden_only and unit in t.heldin:
                counted[:, : t.observed_bins] = False
            n, eta = t.counts[..., unit][counted], log_rate[..., unit][counted]
            null = np.log(max(n.mean(), 1e-9))
            gain += np.sum(n * eta - np.exp(eta)) - np.sum(n * null - np.exp(null))
            spikes += n.sum()
    return gain / spikes / np.log(2)


@pytest.mark.parametrize("size", [2, 100])
def test_unseen_bits_per_spike_by_hand(size: int) -> None:
    trials = [_trials(0), dataclasses.replace(_trials(1), session="other")]
    log_rates = [np.random.default_rng(s).normal(-0.3, 0.5, (9, 7, 5)) for s in (2, 3)]
    assert _score(trials, log_rates, size) == pytest.approx(_by_hand(trials, log_rates), rel=1e-4)


def test_everything_counts_where_nothing_is_hidden() -> None:
    trials = [_trials(0, heldin=None, forward=0)]
    log_rates = [np.random.default_rng(2).normal(-0.3, 0.5, (9, 7, 5))]
    assert _score(trials, log_rates) == pytest.approx(_by_hand(trials, log_rates, hidden_only=False), rel=1e-4)


def test_what_the_encoder_saw_does_not_count() -> None:
    trials, rng = _trials(0), np.random.default_rng(2)
    log_rates = rng.normal(-0.3, 0.5, (9, 7, 5))
    seen = log_rates.copy()
    seen[:, : trials.observed_bins, trials.heldin] += rng.normal(size=(9, 5, 3))
    assert _score([trials], [log_rates]) == _score([trials], [seen])


def test_masked_bins_may_hold_anything() -> None:
    trials = _trials(0)
    log_rates = np.random.default_rng(2).normal(-0.3, 0.5, (9, 7, 5))
    wild = np.where(trials.mask[..., None], log_rates, np.nan)
    assert _score([trials], [log_rates]) == _score([trials], [wild])


def test_activity_that_is_not_spikes_is_scored_by_likelihood() -> None:
    values = np.random.default_rng(0).normal(size=(9, 7, 5)).astype(np.float32)
    trials = _trials(0, counts=None, fluorescence=values, mask=None, heldin=None, forward=0)
    model = Given(DataSpec.of(trials), [torch.zeros(9, 7, 5, 2)])
    score = Validation([trials], "unseen_bps", CPU)(model, Poisson(PoissonConfig(), model), Step())[1]
    assert score == pytest.approx(-0.5 * float(np.mean(values.astype(float) ** 2)), rel=1e-5)


def test_spikes_under_another_likelihood_are_scored_by_it() -> None:
    trials = _trials(0, mask=None, heldin=None, forward=0)
    model = Given(DataSpec.of(trials), [torch.zeros(9, 7, 5, 2)], "negative_binomial")
    score = Validation([trials], "unseen_bps", CPU)(model, Poisson(PoissonConfig(), model), Step())[1]
    each = model.observation("counts").negative_log_likelihood(
        torch.zeros(9, 7, 5, 2), torch.tensor(trials.counts).float()
    )
    assert score == pytest.approx(-each.mean().item(), rel=1e-5)


def test_selecting_by_loss_negates_the_total() -> None:
    trials = _trials(0)
    model = Given(DataSpec.of(trials), [torch.zeros(9, 7, 5, 1)])
    terms, score = Validation([trials], "loss", CPU)(model, Poisson(PoissonConfig(), model), Step())
    assert score == -terms["total"] and terms["total"] == pytest.approx(1.0)
