"""A model owns its population's likelihood: it is trained, saved and checked with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from neurodyn import registry
from neurodyn.data.batch import Observed
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.estimator import Estimator
from neurodyn.models.base import Model, Output
from neurodyn.observations.zero_inflated_gamma import ZeroInflatedGammaConfig


@dataclass(frozen=True)
class RowsConfig:
    """Which likelihood."""

    observation: Any = None
    """Its name or its config."""


class Rows(Model):
    """Predicts every bin from itself, each session by a map of its own."""

    Config: ClassVar = RowsConfig

    def __init__(self, config: Any, spec: DataSpec) -> None:
        super().__init__(config, spec)
        widths = [self.observation(s.neural or "", i).parameters_per_channel for i, s in enumerate(spec.sessions)]
        self.out = nn.ModuleList(nn.Linear(s.heldin, s.units * k) for s, k in zip(spec.sessions, widths))

    def forward(self, observed: Observed, privileged: Mapping[str, Tensor] | None = None) -> Output:
        flat = 0.1 * self.out[observed.session](observed.neural)
        k = self.observation(observed.neural_name or "", observed.session).parameters_per_channel
        return Output({observed.neural_name or "": flat.unflatten(-1, (-1, k))})


def activity(zeros: bool = True, seed: int = 0, session: str = "a", units: int = 4) -> Trials:
    rng = np.random.default_rng(seed)
    values = rng.gamma(2.0, 0.5, (40, 6, units)) + 0.05
    if zeros:
        values *= rng.random(values.shape) < 0.4
    return Trials.from_arrays(bin_s=0.03, fluorescence=values, session=session)


def counts() -> Trials:
    return Trials.from_arrays(np.random.default_rng(0).integers(0, 2, (40, 6, 4)), bin_s=0.01)


def one_hot() -> Trials:
    classes = np.random.default_rng(0).integers(0, 4, (40, 6))
    return Trials.from_arrays(bin_s=0.01, fluorescence=np.eye(4)[np.minimum(classes, 2)])


@pytest.mark.parametrize("name", registry.names("observations"))
def test_every_likelihood_trains_and_comes_back_from_its_folder(name: str, tmp_path: Path) -> None:
    trials = counts() if name in ("poisson", "negative_binomial", "bernoulli") else activity(name != "gamma")
    if name == "categorical":
        trials = one_hot()
    estimator = Estimator(
        Rows, observation=name, out=tmp_path / "run", train={"epochs": 3, "batch_size": 8}, progress=False
    ).fit(trials)
    losses = [row["train/total"] for row in estimator.fitted_.history]
    assert np.isfinite(losses).all() and losses[-1] < losses[0]
    loaded = Estimator.load(tmp_path / "run")
    np.testing.assert_array_equal(loaded.transform(trials).rates, estimator.transform(trials).rates)
    own = dict(estimator.model_.observations.named_parameters())
    for key, value in loaded.model_.observations.named_parameters():
        assert torch.equal(value, own[key])
    fresh = Rows(RowsConfig(name), DataSpec.of(trials))
    assert all(not torch.equal(own[k], v) for k, v in fresh.observations.named_parameters()), "they were trained"


def test_sessions_have_likelihoods_of_their_own() -> None:
    sessions = [activity(), activity(seed=1, session="b", units=7)]
    model = Rows(RowsConfig(ZeroInflatedGammaConfig(scale_init=3.0)), DataSpec.of(sessions))
    scales = [model.observation("fluorescence", session).shape_scale for session in (0, 1)]
    assert [scale.tolist() for scale in scales] == [[3.0] * 4, [3.0] * 7]
    assert model.observation("fluorescence", 1) is model.observation("fluorescence", 1)
    assert {key.split(".")[1] for key in model.state_dict() if key.startswith("observations")} == {
        "0:fluorescence",
        "1:fluorescence",
    }


def test_defaults_follow_the_kind_of_signal() -> None:
    for trials, expected in ((counts(), "poisson"), (activity(), "gaussian")):
        model = Rows(RowsConfig(), DataSpec.of(trials))
        assert registry.name_of(type(model.observation(trials.neural_name or ""))) == expected
        assert registry.name_of(type(model.observation("a target"))) == "gaussian"
        assert not list(model.observations.parameters())


def test_names_that_no_module_may_have_are_fine() -> None:
    trials = activity()
    for name in ("keys", "cells.dff"):
        renamed = dataclasses.replace(trials, signals={name: trials.neural})
        model = Rows(RowsConfig("gaussian_shared"), DataSpec.of(renamed))
        assert model.observation(name).log_variance.shape == (4,)


@pytest.mark.parametrize("part", ["train", "valid"])
def test_activity_a_likelihood_cannot_have_is_refused_before_training(part: str, tmp_path: Path) -> None:
    good, bad = activity(zeros=False), activity()
    estimator = Estimator(Rows, observation="gamma", out=tmp_path / "run", progress=False)
    with pytest.raises(InvalidInput, match=r"^fluorescence: got \d+ of .* zero_inflated_gamma"):
        estimator.fit(*((bad,) if part == "train" else (good,)), valid=bad if part == "valid" else good)
    assert not (tmp_path / "run").exists()


def test_entries_without_data_are_not_checked() -> None:
    values = np.random.default_rng(0).gamma(2.0, 0.5, (40, 6, 4))
    values[::3, 2, 1] = np.nan
    mask = np.ones((40, 6), bool)
    mask[5:9, 4:] = False
    values[5:9, 4:] = -1
    trials = Trials.from_arrays(bin_s=0.03, fluorescence=values, mask=mask, nan="unknown")
    fitted = Estimator(Rows, observation="gamma", train={"epochs": 1}, progress=False).fit(trials)
    assert np.isfinite(fitted.fitted_.history[0]["train/total"])
