"""The clipped GRU: known answers, and the hand-written adjoint against automatic differentiation."""

import pytest
import torch

from neurodyn.models.parts.gru import ClippedGRU, ClippedGRUSequence, clipped_gru_step


def zero_cell(size: int = 1, bias: tuple[float, float, float] = (0, 0, 0)) -> ClippedGRU:
    cell = ClippedGRU(1, size)
    with torch.no_grad():
        cell.input_weight.zero_()
        cell.recurrent_weight.zero_()
        cell.bias.copy_(torch.tensor(bias).repeat_interleave(size))
    return cell


@pytest.mark.parametrize(
    ("bias", "state", "expected"),
    [
        ((0, 0, 0), 1.0, 0.5),
        ((1, 1, 0), 1.0, 0.731059),  # the bias a cell starts with
        ((-50, 0, 50), 1.0, 1.0),  # bounded by tanh
        ((50, 0, 0), 9.0, 5.0),  # clipped
    ],
)
def test_one_step(bias: tuple[float, float, float], state: float, expected: float) -> None:
    out = zero_cell(bias=bias)(torch.zeros(1, 1), torch.full((1, 1), state))
    assert out.item() == pytest.approx(expected, abs=1e-6)


def test_reset_acts_before_the_recurrent_product() -> None:
    cell = zero_cell(2, (-50, 0, 0))
    with torch.no_grad():
        cell.bias[2:4] = torch.tensor([-50.0, 50.0])  # r = (0, 1)
        cell.recurrent_weight[0, 5] = 1.0  # candidate of unit 2 reads unit 1
    out = cell(torch.zeros(1, 1), torch.tensor([[1.0, 0.0]]))
    assert out[0, 1].item() == pytest.approx(0.0, abs=1e-6)  # PyTorch's order would give tanh(1) = 0.761594


def test_initial_scale() -> None:
    torch.manual_seed(0)
    cell, encoder = ClippedGRU(100, 300), ClippedGRU(100, 300, encoder=True)
    assert cell.recurrent_weight.std().item() == pytest.approx(300**-0.5, rel=0.02)
    assert cell.input_weight.std().item() == pytest.approx(100**-0.5, rel=0.02)
    assert encoder.recurrent_weight.std().item() == pytest.approx(400**-0.5, rel=0.02)
    assert cell.bias.view(3, 300).mean(1).tolist() == [1, 1, 0]


@pytest.mark.parametrize("clip", [5.0, 0.6])
def test_sequence_equals_the_loop_of_exact_steps(clip: float) -> None:
    torch.manual_seed(0)
    x, wx, wh, b, h0 = (
        torch.randn(s, dtype=torch.float64).requires_grad_()
        for s in ((2, 6, 3, 5), (4, 5, 12), (4, 4, 12), (4, 12), (4, 3, 4))
    )
    fast = ClippedGRUSequence.apply(x, wx, wh, b, h0, clip)
    h, states = h0, []
    for t in range(6):
        h = clipped_gru_step(torch.einsum("dbn,dnk->dbk", x[:, t].repeat(2, 1, 1), wx) + b[:, None], h, wh, clip)
        states.append(h)
    plain = torch.stack(states, 1)
    assert torch.allclose(fast, plain, atol=1e-12)
    weight = torch.randn_like(plain)
    leaves = (x, wx, wh, b, h0)
    for a, e in zip(
        torch.autograd.grad((fast * weight).sum(), leaves), torch.autograd.grad((plain * weight).sum(), leaves)
    ):
        assert torch.allclose(a, e, atol=1e-10)


def test_gradcheck() -> None:
    torch.manual_seed(1)
    leaves = [
        (0.5 * torch.randn(s, dtype=torch.float64)).requires_grad_()
        for s in ((1, 3, 2, 3), (2, 3, 6), (2, 2, 6), (2, 6), (2, 2, 2))
    ]
    assert torch.autograd.gradcheck(lambda *a: ClippedGRUSequence.apply(*a, 5.0), leaves)
