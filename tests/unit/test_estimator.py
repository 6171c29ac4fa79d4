import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from neurodyn.api import load
from neurodyn.data.batch import Observed
from neurodyn.data.inference import trials_at_a_time
from neurodyn.data.spec import DataSpec
from neurodyn.data.splits import split_trials
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput, UnknownName
from neurodyn.estimator import Estimator
from neurodyn.models.base import Model, Output
from neurodyn.training.config import TrainConfig

TRAIN = {"epochs": 3, "batch_size": 8}


@dataclass(frozen=True)
class LinearConfig:
    """Options of the linear model."""

    bias: bool = True
    """Whether there is a bias."""
    noise: float = 0.0
    """Standard deviation of the posterior."""


class Linear(Model):
    """Log rates linear in what is seen."""

    Config: ClassVar = LinearConfig
    training_defaults: ClassVar = {"epochs": 2, "learning_rate": 0.02}

    def __init__(self, config: Any, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.map = nn.Linear(spec.only.heldin, spec.only.units, bias=config.bias)

    def forward(self, observed: Observed, privileged: Mapping[str, Tensor] | None = None) -> Output:
        log_rates = self.map(observed.neural)
        if self.samples_posterior:
            log_rates = log_rates + self.config.noise * torch.randn_like(log_rates)
        log_rates = nn.functional.pad(log_rates, (0, 0, 0, observed.bins - log_rates.shape[1]))
        return Output({observed.neural_name or "": log_rates[..., None]})


def counts(trials: int = 40) -> np.ndarray:
    return np.random.default_rng(0).poisson(0.5, (trials, 10, 6))


def session(**more: Any) -> Trials:
    return split_trials(Trials.from_arrays(counts(), bin_s=0.02, heldin=[0, 1, 3, 4], forward=2, **more))


def quick(**more: Any) -> Estimator:
    return Estimator(Linear, **{"train": TRAIN, "progress": False, **more})


def test_fit_uses_the_splits_and_puts_test_aside() -> None:
    trials = session()
    fitted = quick().fit(trials)
    assert [len(t) for t in (fitted.train_[0], fitted.valid_[0], fitted.parts_.test[0])] == [28, 6, 6]
    assert np.array_equal(fitted.train_[0].counts, trials.train.counts)
    assert len(fitted.fitted_.history) == 3
    rates = fitted.transform(trials.test).rates_hz
    assert rates.shape == (6, 10, 6) and (rates > 0).all()
    assert np.isfinite(fitted.score(trials.test))


def test_one_in_five_validates_where_nothing_is_given() -> None:
    fitted = quick(bin_s=0.02).fit(counts())
    assert (len(fitted.train_[0]), len(fitted.valid_[0]), fitted.parts_.test) == (32, 8, None)


def test_arrays_need_a_bin_width() -> None:
    with pytest.raises(InvalidInput, match="bin_s"):
        quick().fit(counts())


def test_explicit_options_win_over_the_models_defaults() -> None:
    brought = Estimator(Linear, progress=False).fit(session()).plan_.train
    assert (brought.epochs, brought.learning_rate) == (2, 0.02)
    mine = Estimator(Linear, progress=False, train={"epochs": 1}).fit(session()).plan_.train
    assert (mine.epochs, mine.learning_rate) == (1, 0.02)
    whole = Estimator(Linear, progress=False, train=TrainConfig(epochs=1)).fit(session()).plan_.train
    assert whole == TrainConfig(epochs=1)


def test_unknown_options_suggest_the_nearest() -> None:
    with pytest.raises(InvalidInput, match="Did you mean 'bias'"):
        quick(biass=True).fit(session())
    with pytest.raises(InvalidInput, match=r"train\.epoch\b.*'epochs'"):
        quick(train={"epoch": 3}).fit(session())
    with pytest.raises(UnknownName, match="smoothing"):
        Estimator("smothing").fit(session())
    with pytest.raises(UnknownName, match="bptt"):
        quick(rule="bpt").fit(session())
    with pytest.raises(UnknownName, match="poisson"):
        quick(objective="poison").fit(session())
    with pytest.raises(InvalidInput, match="seed"):
        quick(seed=-1).fit(session())


def test_nothing_is_written_when_an_option_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        quick(out=tmp_path / "run", biass=True).fit(session())
    with pytest.raises(InvalidInput, match="batch_size"):
        quick(out=tmp_path / "run", train={"batch_size": 1000}).fit(session())
    assert not (tmp_path / "run").exists()


def test_nothing_is_left_when_stopped_before_the_first_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Linear, "prepare", stop)
        with pytest.raises(KeyboardInterrupt):
            quick(out=tmp_path / "run").fit(session())
    assert not (tmp_path / "run").exists()
    assert quick(out=tmp_path / "run").fit(session()).run_ is not None


def test_a_seed_is_a_whole_number() -> None:
    with pytest.raises(InvalidInput, match="seed: got True"):
        quick(seed=True).fit(session())


def test_a_trial_in_two_splits_is_refused() -> None:
    trials = session()
    with pytest.raises(InvalidInput, match="training trial"):
        quick().fit(trials.train, valid=trials.train.select(slice(3, 6)))
    with pytest.raises(InvalidInput, match="only trials of the split test"):
        quick().fit(trials.test)


def test_save_and_load(tmp_path: Path) -> None:
    trials = session()
    fitted = quick(bias=False, seed=4).fit(trials)
    again = Estimator.load(fitted.save(tmp_path / "run"))
    assert np.array_equal(again.transform(trials.test).rates, fitted.transform(trials.test).rates)
    assert again.get_params()["bias"] is False and again.seed == 4
    assert again.plan_ == fitted.plan_ and again.fitted_.history == list(fitted.fitted_.history)
    assert again.train_ is None and again.fitted_.best_score == fitted.fitted_.best_score
    with pytest.raises(InvalidInput, match="not empty"):
        fitted.save(tmp_path / "run")
    with pytest.raises(InvalidInput, match=r"config\.yaml"):
        Estimator.load(tmp_path)


def test_samples_are_drawn_only_where_passes_differ() -> None:
    trials = session()
    assert quick().fit(trials).draws(trials.test, 20) == 0
    noisy = quick(noise=0.5).fit(trials)
    assert noisy.draws(trials.test, 20) == 20
    assert noisy.transform(trials.test, samples=20).spread["rates"].mean() > 0
    assert noisy.transform(trials.test).spread == {}


def test_unfitted_says_so() -> None:
    with pytest.raises(InvalidInput, match="fit"):
        quick().transform(session())


def test_scikit_learn_clones_and_cross_validates() -> None:
    from sklearn.base import clone
    from sklearn.model_selection import cross_val_score

    estimator = quick(bin_s=0.02, bias=False)
    twin = clone(estimator)
    assert twin is not estimator and twin.get_params() == estimator.get_params()
    assert twin.set_params(bias=True, seed=2).get_params()["bias"] is True and estimator.get_params()["bias"] is False
    scores = cross_val_score(estimator, counts(), cv=3)
    assert scores.shape == (3,) and np.isfinite(scores).all()


def test_memory_of_a_pass_is_bounded() -> None:
    small, wide = session(), session()
    wide = dataclasses.replace(
        wide, signals={"counts": dataclasses.replace(wide.neural, values=np.zeros((40, 10, 10**5), np.uint8))}
    )
    wide = dataclasses.replace(wide, heldin=np.arange(10**5))
    assert trials_at_a_time(small) == 256
    assert 1 <= trials_at_a_time(wide) * 10 * 10**5 <= 2**23


def test_negative_samples_are_refused() -> None:
    trials = Trials.from_arrays(np.ones((10, 4, 2), int), bin_s=0.02)
    fitted = Estimator("mean_rate", progress=False).fit(trials)
    with pytest.raises(InvalidInput, match="samples: got -2"):
        fitted.transform(trials, samples=-2)


def test_transform_refuses_other_heldin_units_even_of_the_same_number() -> None:
    trials = load("two_area", trials=40)
    assert isinstance(trials, Trials)
    fitted = Estimator("mean_rate", progress=False).fit(trials)
    moved = dataclasses.replace(trials, heldin=np.sort(trials.unit_order[1 : len(trials.heldin) + 1]))
    with pytest.raises(InvalidInput, match="heldin"):
        fitted.transform(moved)
