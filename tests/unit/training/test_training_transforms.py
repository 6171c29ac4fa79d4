"""Transforms that a run asks for, beside those of its model."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from tiny_training import CONFIG, HideSome, Noisy, NoisyConfig, some_trials, train

from neurodyn import config as configs
from neurodyn.data.spec import DataSpec
from neurodyn.data.transforms.base import Transform
from neurodyn.data.transforms.coordinated_dropout import CoordinatedDropout, CoordinatedDropoutConfig
from neurodyn.data.transforms.sample_validation import SampleValidationConfig
from neurodyn.data.transforms.spike_jitter import SpikeJitter, SpikeJitterConfig
from neurodyn.data.transforms.thinning import Thinning, ThinningConfig
from neurodyn.data.transforms.window_shift import WindowShift
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput, UnknownName
from neurodyn.training.config import TrainConfig
from neurodyn.training.plan import Plan
from neurodyn.training.run import Run
from neurodyn.training.transforms import prepared_transforms


class Windows(Noisy):
    """With the transforms of LFADS."""

    def transforms(self) -> list[Transform]:
        return [WindowShift(), CoordinatedDropout(), HideSome()]


def built(*asked: object, trials: Trials | None = None) -> list[Transform]:
    trials = trials or some_trials()
    return prepared_transforms(Windows(NoisyConfig(), DataSpec.of(trials)), asked, [trials])


def test_stages_decide_the_order_and_ones_own_come_first() -> None:
    found = built(SampleValidationConfig(), ThinningConfig(), SpikeJitterConfig(width=3))
    names = [type(transform).__name__ for transform in found]
    assert names == ["WindowShift", "SpikeJitter", "Thinning", "SampleValidation", "CoordinatedDropout", "HideSome"]
    assert isinstance(found[1], SpikeJitter) and found[1].config.width == 3 and isinstance(found[2], Thinning)


def test_one_of_the_models_is_replaced() -> None:
    found = [t for t in built(CoordinatedDropoutConfig(rate=0.5, over="target")) if isinstance(t, CoordinatedDropout)]
    assert [t.config for t in found] == [CoordinatedDropoutConfig(rate=0.5, over="target")]


def test_moving_windows_exclude_withheld_entries() -> None:
    table = pd.DataFrame({"start_bin": 12 * np.arange(60)})
    recorded = dataclasses.replace(some_trials(), table=table)
    with pytest.raises(InvalidInput, match="windows that move"):
        built(SampleValidationConfig(), trials=recorded)
    assert built(SpikeJitterConfig(), trials=recorded)


def test_names_mappings_and_configs_are_the_same_and_survive_yaml() -> None:
    config = TrainConfig(transforms=("thinning", {"name": "spike_jitter", "width": 4}))  # type: ignore[arg-type]
    assert config.transforms == (ThinningConfig(), SpikeJitterConfig(width=4))
    assert configs.from_dict(TrainConfig, yaml.safe_load(configs.documented_yaml(config))) == config
    assert configs.from_dict(TrainConfig, configs.to_dict(config)) == config
    assert Plan.of("mean_rate", train={"transforms": ["thinning"]}).train.transforms == (ThinningConfig(),)
    with pytest.raises(UnknownName, match="spike_jitter"):
        TrainConfig(transforms=("spike_jiter",))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match=r"transforms\[0\].*widht"):
        configs.from_dict(TrainConfig, {"transforms": [{"name": "spike_jitter", "widht": 4}]}, "train")
    with pytest.raises(InvalidInput, match="a list"):
        configs.from_dict(TrainConfig, {"transforms": "thinning"}, "train")


def test_a_run_with_transforms_watches_what_it_withholds(tmp_path: Path) -> None:
    asked = (SampleValidationConfig(rate=0.3), SpikeJitterConfig())
    config = dataclasses.replace(CONFIG, epochs=2, transforms=asked)
    _, fitted = train(Run.create(tmp_path / "run"), config=config)
    for row in fitted.history:
        assert np.isfinite(row["train/counts_nll_withheld"]) and "valid/counts_nll_withheld" not in row
    _, again = train(None, config=config)
    _, plain = train(None, config=dataclasses.replace(CONFIG, epochs=2))
    losses = [[row["train/total"] for row in each.history] for each in (fitted, again, plain)]
    assert losses[0] == losses[1] != losses[2]
