"""Front end (b): linear maps of each subject's own."""

from __future__ import annotations

import pytest
import torch

from aligned_subjects import built, subject
from neurodyn.data.batch import Batch
from neurodyn.data.spec import DataSpec
from neurodyn.errors import InvalidInput
from neurodyn.models.front_ends.unit_read_in import UnitReadIn, UnitReadInConfig


def test_every_subject_has_its_own_maps() -> None:
    made = UnitReadIn(UnitReadInConfig(features=5), 2)
    for trials in (subject(units=4), subject(units=7, heldin=[0, 2, 3, 5, 6])):
        made.add(DataSpec.of(trials).only)
    first, second = made.encode(torch.randn(3, 6, 4), None, 0), made.encode(torch.randn(3, 6, 5), None, 1)
    assert first.shape == second.shape == (3, 6, 5)
    assert made.decode(first, 0).shape == (3, 6, 4, 2) and made.decode(second, 1).shape == (3, 6, 7, 2)


def test_features_have_unit_size_whatever_the_number_of_units() -> None:
    torch.manual_seed(0)
    made = UnitReadIn(UnitReadInConfig(features=200), 1)
    for index, units in enumerate((5, 500)):
        made.add(DataSpec.of(subject(units=units)).only)
        features = made.encode(torch.randn(20, 6, units), None, index)
        assert float(features.detach().var()) == pytest.approx(1.0, rel=0.4)


def test_a_subject_trains_only_its_own_maps() -> None:
    sessions = [subject("a"), subject("b", units=7)]
    model = built(sessions, front_end="unit_read_in").train()
    batch = Batch.of(sessions[1], session=1)
    output = model(batch.observed, batch.privileged)
    output.hidden["neural_from_joint"].square().sum().backward()
    front = model.front_end
    assert all(p.grad is not None for p in (*front.read_in[1].parameters(), *front.read_out[1].parameters()))
    assert all(p.grad is None for p in (*front.read_in[0].parameters(), *front.read_out[0].parameters()))


def test_it_says_that_it_does_not_carry_over() -> None:
    model = built(subject(), front_end="unit_read_in")
    assert not model.subject_free
    with pytest.raises(InvalidInput, match="unit_set") as refused:
        model.zero_shot([subject("new", units=12)])
    assert "calibrate" in str(refused.value)
