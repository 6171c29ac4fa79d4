"""The matching loss: its worked example, what it does not depend on, and parts of a batch against the whole."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from neurodyn.models.parts.gaussians import Gaussian, expected_distance
from neurodyn.objectives._matching import apart, matching_losses, matching_part

TRIALS, CHANNELS, BINS = 8, 3, 5
LENGTHS = torch.tensor([5, 5, 3, 4, 5, 2, 5, 1])


def latents(seed: int, trials: int = TRIALS) -> Gaussian:
    generator = torch.Generator().manual_seed(seed)
    shape = (trials, CHANNELS, BINS)
    mean, log_variance = (0.3 * torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(2))
    return Gaussian(mean.requires_grad_(), log_variance.requires_grad_())


def scalars() -> tuple[Tensor, Tensor]:
    scale, shift = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (0.4, 0.7))
    return scale, shift


def left_out() -> Tensor:
    pairs = torch.zeros(TRIALS, TRIALS, dtype=torch.bool)
    pairs[1, 4] = pairs[4, 1] = pairs[6, 7] = True
    return pairs


def counted() -> Tensor:
    return torch.arange(BINS) < LENGTHS[:, None, None]


def whole_batch(same: Tensor | None, count: Tensor | None) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Value and gradients of one batch."""
    x, y, (scale, shift) = latents(0), latents(1), scalars()
    value = matching_losses(expected_distance(y, x, count, count), scale, shift, same).sum()
    return value.detach(), torch.autograd.grad(value, [*x, *y, scale, shift])


def test_worked_example() -> None:
    y = Gaussian(torch.tensor([[0.0, 1], [2, 0]]), torch.tensor([[1.0, 1], [0.5, 0.5]]).log())
    x = Gaussian(torch.tensor([[0.0, 0], [2, 1]]), torch.zeros(2, 2))
    distance = expected_distance(y, x)
    torch.testing.assert_close(distance, torch.tensor([[5.0, 8], [7, 4]]))
    assert matching_losses(distance, 1.0, 0.0).sum().item() == pytest.approx(9.02611215, abs=1e-6)


def test_losses_are_those_of_torch() -> None:
    distance = expected_distance(latents(0), latents(1))
    theirs = torch.nn.functional.binary_cross_entropy_with_logits(
        0.2 - 1.3 * distance, torch.eye(TRIALS, dtype=torch.float64), reduction="none"
    )
    torch.testing.assert_close(matching_losses(distance, 1.3, 0.2), theirs)


def test_latents_that_are_all_the_same_cost_a_bit_a_pair() -> None:
    same = Gaussian(torch.zeros(TRIALS, 4), torch.full((TRIALS, 4), -torch.inf))
    value = matching_losses(expected_distance(same, same), 1.0, 0.0).sum().item()
    assert value == pytest.approx(TRIALS**2 * math.log(2), rel=1e-6)


def test_joint_relabelling_leaves_it_and_relabelling_one_modality_does_not() -> None:
    x, y, order = latents(0), latents(0), torch.randperm(TRIALS, generator=torch.Generator().manual_seed(2))
    other_x, other_y = (Gaussian(*(value[order] for value in part)) for part in (x, y))
    value, joint, one = (
        matching_losses(expected_distance(b, a), 1.0, 0.0).sum() for a, b in ((x, y), (other_x, other_y), (other_x, y))
    )
    torch.testing.assert_close(value, joint)
    assert one > value + 1


def test_pairs_of_one_stimulus_are_no_negatives_but_a_trial_stays_its_own_match() -> None:
    distance = expected_distance(latents(0), latents(1))
    stimulus = torch.tensor([0, 1, 2, 0, 1, 3, 4, 5])
    same = stimulus[:, None] == stimulus
    found, without = matching_losses(distance, 1.0, 0.0, same), matching_losses(distance, 1.0, 0.0)
    kept = ~same | torch.eye(TRIALS, dtype=torch.bool)
    torch.testing.assert_close(found, without * kept)
    assert (found == 0).sum() == 4


def test_replicas_of_the_release_leave_96_of_992_negatives() -> None:
    assert int((~apart(32, 8)).sum()) - 32 == 96
    assert int((~apart(32, 1)).sum()) - 32 == 992
    blocks = torch.arange(10).chunk(4)  # how torch's data-parallel replication splits
    expected = torch.block_diag(*(torch.ones(len(block), len(block)) for block in blocks)) == 0
    assert torch.equal(apart(10, 4), expected)


@pytest.mark.parametrize("parts", [1, 2, 4, 3])
@pytest.mark.parametrize("masked", [False, True])
def test_parts_add_up_to_the_whole(parts: int, masked: bool) -> None:
    same, count = (left_out(), counted()) if masked else (None, None)
    value, expected = whole_batch(same, count)
    x, y, (scale, shift) = latents(0), latents(1), scalars()
    total = torch.zeros((), dtype=torch.float64)
    for rows in torch.arange(TRIALS).chunk(parts):
        own_x, own_y = (Gaussian(*(entry[rows] for entry in part)) for part in (x, y))
        share = matching_part(own_x, own_y, x.detach(), y.detach(), int(rows[0]), scale, shift, same, count)
        share.backward()
        total += share.detach()
    found = [leaf.grad for leaf in (*x, *y, scale, shift)]
    torch.testing.assert_close(total, value, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found, list(expected), rtol=1e-12, atol=1e-12)
