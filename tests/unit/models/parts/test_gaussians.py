"""Diagonal Gaussians: the identities of the method, missing parts, and all pairs against one pair at a time."""

from __future__ import annotations

import math

import pytest
import torch

from neurodyn.errors import InvalidInput
from neurodyn.models.parts.gaussians import Gaussian, expected_distance, kl, kl_of_product, kl_standard, product


def scalar(mean: float, variance: float) -> Gaussian:
    return Gaussian(torch.tensor([[mean]]).double(), torch.tensor([[variance]]).double().log())


def drawn(seed: int, *shape: int) -> Gaussian:
    generator = torch.Generator().manual_seed(seed)
    mean, log_variance = (torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(2))
    return Gaussian(mean.requires_grad_(), log_variance.requires_grad_())


X, Y = scalar(0, 1), scalar(2, 0.25)


def test_product_and_divergences_of_the_worked_example() -> None:
    q = product([X, Y])
    assert (q.mean.item(), q.log_variance.exp().item()) == pytest.approx((1.6, 0.2))
    assert (kl(q, X).item(), kl(q, Y).item()) == pytest.approx((1.684719, 0.331572), abs=1e-6)
    assert kl_of_product(X, Y).item() == pytest.approx(2.016291, abs=1e-6)
    assert (kl(X, Y) + kl(Y, X)).item() == pytest.approx(11.125)


def test_equal_variances_average_the_mean_and_halve_the_variance() -> None:
    q = product([scalar(1, 0.6), scalar(4, 0.6)])
    assert (q.mean.item(), q.log_variance.exp().item()) == pytest.approx((2.5, 0.3))


def test_product_does_not_depend_on_the_order_and_is_associative() -> None:
    x, y, z = (drawn(seed, 3, 4) for seed in range(3))
    for found in (product([z, x, y]), product([product([x, y]), z])):
        torch.testing.assert_close(found, product([x, y, z]))


def test_one_part_is_its_own_product() -> None:
    torch.testing.assert_close(product([X]), X)


@pytest.mark.parametrize("log_variance", [40.0, 1000.0])
def test_a_part_that_knows_nothing_leaves_the_other(log_variance: float) -> None:
    vague = Gaussian(X.mean, torch.full_like(X.mean, log_variance))
    torch.testing.assert_close(product([vague, Y]), Y)
    assert all(value.isfinite().all() for value in product([Gaussian(X.mean.float(), vague[1].float()), Y]))


def test_closed_form_of_the_product_is_the_sum_of_both_divergences() -> None:
    x, y = drawn(0, 5, 3, 2), drawn(1, 5, 3, 2)
    q = product([x, y])
    torch.testing.assert_close(kl_of_product(x, y), kl(q, x) + kl(q, y))


def test_floor_of_the_divergences_is_reached_by_the_same_gaussian_twice() -> None:
    x = drawn(0, 1, 8, 4, 16)
    assert kl_of_product(x, x).sum().item() == pytest.approx(98.891357, abs=1e-6)
    assert kl_of_product(X, X).item() == pytest.approx((math.log(4) - 1) / 2)


def test_divergence_is_that_of_torch() -> None:
    x, y = drawn(0, 4, 6), drawn(1, 4, 6)
    theirs = [torch.distributions.Normal(p.mean, (0.5 * p.log_variance).exp()) for p in (x, y)]
    torch.testing.assert_close(kl(x, y), torch.distributions.kl_divergence(*theirs))
    standard = Gaussian(torch.zeros_like(x.mean), torch.zeros_like(x.mean))
    torch.testing.assert_close(kl_standard(x), kl(x, standard))


def test_missing_parts_are_left_out_whatever_they_hold() -> None:
    x, y = drawn(0, 3, 2, 5), drawn(1, 3, 2, 5)
    holes = Gaussian(*(value.index_fill(0, torch.tensor([1]), torch.nan) for value in x))
    has_x, has_y = torch.tensor([True, False, True]), torch.tensor([True, True, False])
    q = product([holes, y], [has_x, has_y])
    both = product([x, y])
    for found, of_both, of_x, of_y in zip(q, both, x, y):
        torch.testing.assert_close(found, torch.stack([of_both[0], of_y[1], of_x[2]]))
    torch.testing.assert_close(product([holes, y], [has_x, None])[0][1], y.mean[1])
    sum(value.sum() for value in q).backward()
    assert all(value.grad is not None and value.grad.isfinite().all() for value in (*x, *y))
    assert bool((x.mean.grad[1] == 0).all() and (y.mean.grad[2] == 0).all())


def test_three_parts_of_which_two_are_missing() -> None:
    x, y, z = (drawn(seed, 1, 4) for seed in range(3))
    no, yes = torch.tensor([False]), torch.tensor([True])
    q = product([x, y, z], [no, no, yes])
    torch.testing.assert_close(q, z)
    q.log_variance.sum().backward()
    assert x.log_variance.grad is not None and bool((x.log_variance.grad == 0).all())


def test_nothing_at_all_is_refused() -> None:
    none = torch.tensor([False])
    with pytest.raises(InvalidInput, match="nothing for trial 0"):
        product([X, Y], [none, none])
    with pytest.raises(InvalidInput, match="one Gaussian or more"):
        product([])


def test_expected_distance_of_the_worked_example() -> None:
    assert expected_distance(Y, X).item() == pytest.approx(5.25)
    torch.manual_seed(0)
    many = [Gaussian(p.mean.expand(1_000_000, 1), p.log_variance.expand(1_000_000, 1)).sample() for p in (X, Y)]
    assert (many[0] - many[1]).square().mean().item() == pytest.approx(5.25, abs=0.02)


def test_expected_distance_of_all_pairs_and_its_gradient() -> None:
    a, b = drawn(0, 5, 2, 3, 4), drawn(1, 7, 2, 3, 4)

    def one_by_one() -> torch.Tensor:
        squares = (a.mean[:, None] - b.mean).square() + a.log_variance.exp()[:, None] + b.log_variance.exp()
        return squares.flatten(2).sum(2)

    torch.testing.assert_close(expected_distance(a, b), one_by_one())
    found = torch.autograd.grad(expected_distance(a, b).square().sum(), [*a, *b])
    torch.testing.assert_close(found, torch.autograd.grad(one_by_one().square().sum(), [*a, *b]))


def test_expected_distance_counts_entries_that_count_in_both() -> None:
    a, b = drawn(0, 3, 2, 6), drawn(1, 4, 2, 6)
    lengths_a, lengths_b = torch.tensor([6, 4, 2]), torch.tensor([6, 5, 3, 1])
    in_a, in_b = (torch.arange(6) < lengths[:, None, None] for lengths in (lengths_a, lengths_b))
    found = expected_distance(a, b, in_a, in_b)
    for i, first in enumerate(lengths_a):
        for j, second in enumerate(lengths_b):
            bins = min(int(first), int(second))
            pair = [Gaussian(p.mean[n : n + 1, :, :bins], p.log_variance[n : n + 1, :, :bins]) for p, n in ((a, i), (b, j))]  # fmt: skip
            torch.testing.assert_close(found[i, j], expected_distance(*pair)[0, 0])
    torch.testing.assert_close(expected_distance(a, b, torch.ones(1), torch.ones(1)), expected_distance(a, b))


def test_expected_distance_keeps_its_digits_far_from_zero() -> None:
    a = Gaussian(1000 + torch.randn(6, 500), torch.full((6, 500), -8.0))
    exact = [Gaussian(value.mean.double(), value.log_variance.double()) for value in (a, a)]
    torch.testing.assert_close(expected_distance(a, a).double(), expected_distance(*exact), rtol=1e-4, atol=1e-2)


def test_draws_have_the_mean_and_the_variance() -> None:
    torch.manual_seed(0)
    draws = Gaussian(torch.full((200_000, 1), 3.0), torch.full((200_000, 1), 1.0)).sample()
    assert draws.mean().item() == pytest.approx(3, abs=0.02)
    assert draws.var().item() == pytest.approx(math.e, rel=0.02)
