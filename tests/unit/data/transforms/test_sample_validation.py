"""Sample validation withholds the same entries always."""

import pytest
import torch
from population_batches import BINS, CASES, FORWARD, HELDIN, population

from neurodyn.data.batch import Batch
from neurodyn.data.transforms.coordinated_dropout import CoordinatedDropout
from neurodyn.data.transforms.sample_validation import SampleValidation, SampleValidationConfig
from neurodyn.errors import InvalidInput

SEEN = BINS - FORWARD


def prepared(*names: str, **config: object) -> SampleValidation:
    transform = SampleValidation(SampleValidationConfig(**config))  # type: ignore[arg-type]
    transform.prepare([CASES[name] for name in names])
    return transform


def test_input_weight_and_withheld_entries_agree() -> None:
    given = Batch.of(CASES["plain"])
    out = prepared("plain", rate=0.2)(given, torch.Generator())
    withheld, weight = out.withheld["counts"], out.loss_weight["counts"]
    region = withheld[:, :SEEN, :HELDIN]
    assert region.float().mean().item() == pytest.approx(0.2, abs=0.02)
    assert withheld.sum() == region.sum()
    torch.testing.assert_close(weight[:, :SEEN, :HELDIN], (~region).float() / 0.8)
    assert (weight[:, SEEN:] == 1).all() and (weight[:, :, HELDIN:] == 1).all()
    torch.testing.assert_close(out.observed.neural, given.observed.neural * ~region / 0.8)
    assert torch.equal(out.targets["counts"], given.targets["counts"])


def test_a_trial_keeps_its_entries_whatever_batch_and_step_it_is_in() -> None:
    transform = prepared("plain", "ragged")
    whole = transform(Batch.of(CASES["ragged"], session=1), torch.Generator()).withheld["counts"]
    rows = torch.tensor([7, 3, 20])
    some = transform(Batch.of(CASES["ragged"], rows.numpy(), session=1), torch.Generator().manual_seed(5))
    assert torch.equal(some.withheld["counts"], whole[rows])
    first = transform(Batch.of(CASES["plain"]), torch.Generator()).withheld["counts"]
    assert not torch.equal(first, whole), "sessions have entries of their own"
    again = prepared("plain")(Batch.of(CASES["plain"]), torch.Generator()).withheld["counts"]
    other = prepared("plain", seed=1)(Batch.of(CASES["plain"]), torch.Generator()).withheld["counts"]
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_coordinated_dropout_never_trains_on_withheld_entries() -> None:
    out = CoordinatedDropout()(
        prepared("unknown")(Batch.of(CASES["unknown"]), torch.Generator()), torch.Generator().manual_seed(0)
    )
    assert out.loss_weight["counts"][out.withheld["counts"]].sum() == 0
    assert out.observed.neural[out.withheld["counts"][:, :SEEN, :HELDIN]].sum() == 0
    moved = out.to("cpu").take(torch.tensor([1, 0]))
    assert torch.equal(moved.withheld["counts"], out.withheld["counts"][[1, 0]])


def test_off_and_unprepared() -> None:
    given = Batch.of(CASES["plain"])
    assert prepared("plain", rate=0.0)(given, torch.Generator()) is given
    with pytest.raises(InvalidInput, match="not prepared for"):
        SampleValidation()(Batch.of(population(4)), torch.Generator())
