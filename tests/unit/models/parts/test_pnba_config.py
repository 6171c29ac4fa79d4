"""Which modalities stand beside the activity."""

from __future__ import annotations

import numpy as np
import pytest

from aligned_subjects import BINS, TRIALS, subject, without
from neurodyn.data.spec import DataSpec
from neurodyn.errors import InvalidInput, UnknownName
from neurodyn.models.parts.pnba_config import PNBAConfig, modalities_beside


def beside(trials: object, *names: str) -> tuple[str, ...]:
    return modalities_beside(PNBAConfig(beside=names), DataSpec.of(trials))


def test_behaviour_where_there_is_any_else_every_stimulus() -> None:
    both = subject(video=True)
    assert beside(both) == ("behaviour",)
    assert beside(without(both, "hand", "speed")) == ("video",)
    assert beside(both, "video", "behaviour") == ("video", "behaviour")
    assert beside([subject("a", behaviour=False), subject("b")]) == ("behaviour",), "one session has it"
    assert beside(both, "none") == beside(subject(behaviour=False), "none") == ()


def test_labels_are_no_modality() -> None:
    label = subject(behaviour=False, stimulus={"contrast": np.zeros((TRIALS, 2))})
    series = subject(
        behaviour=False, stimulus={"light": np.zeros((TRIALS, BINS, 1)), "contrast": np.zeros((TRIALS, 2))}
    )
    assert beside(series) == ("light",)
    with pytest.raises(InvalidInput, match="activity alone"):
        beside(label)


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(UnknownName, match="video"):
        beside(subject(video=True), "vidoe")
    with pytest.raises(InvalidInput, match="beside=none"):
        beside(subject(behaviour=False))


def test_options_that_make_no_sense_are_refused() -> None:
    for wrong in (
        {"beside": ("none", "behaviour")},
        {"beside": ("none",), "mode": "release"},
        {"kernel": 4},
        {"lags": 0},
        {"size": 0},
        {"hidden": 0},
    ):
        with pytest.raises(InvalidInput, match=r"model\."):
            PNBAConfig(**wrong)
