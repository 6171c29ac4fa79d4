from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from matplotlib.image import imread

from neurodyn.data.inference import Inference
from neurodyn.errors import InvalidInput
from neurodyn.reporting.overview import overview_figure


def test_wide_panel_with_ink_in_every_quarter(subject, tmp_path):
    image = imread(overview_figure(subject, tmp_path / "figures" / "overview.png"))[..., :3]
    assert image.shape[1] > 3 * image.shape[0]
    for quarter in np.array_split(image, 4, axis=1):
        assert np.mean(quarter < 0.9) > 0.005
    assert [p.name for p in (tmp_path / "figures").iterdir()] == ["overview.png"]


def test_panels_without_data_are_left_out(make_subject, tmp_path):
    image = imread(overview_figure(make_subject(full=False), tmp_path / "overview.png"))
    assert image.shape[1] < 3.5 * image.shape[0], "three panels: no scores"


def test_needs_rates(subject, tmp_path):
    bare = dataclasses.replace(subject, inferred={"test": Inference(subject.test.bin_s)})
    with pytest.raises(InvalidInput, match="rates"):
        overview_figure(bare, tmp_path / "overview.png")
    assert list(tmp_path.iterdir()) == []
