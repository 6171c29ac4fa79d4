"""Every potential: values by hand, forces and Hessians against automatic differentiation, what keeps positions bounded (langevinflow.md 10.1)."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from neurodyn import registry
from neurodyn.config import from_dict
from neurodyn.errors import InvalidInput
from neurodyn.models.potentials.base import Potential, inverse_softplus
from neurodyn.models.potentials.double_well import DoubleWell, DoubleWellConfig
from neurodyn.models.potentials.mlp import MLP, MLPConfig
from neurodyn.models.potentials.oscillator import Oscillator, OscillatorConfig
from neurodyn.models.potentials.oscillator_release import OscillatorRelease, OscillatorReleaseConfig

SIZE = 12
CASES = [
    *((name, {"hidden": 5} if name == "mlp" else {}) for name in registry.names("potentials")),
    ("oscillator", {"boundary": "circular"}),
    ("oscillator", {"channels": SIZE // 2}),
    ("oscillator_release", {"kernel_init": "normal"}),
]


def build(name: str, options: dict[str, Any], size: int = SIZE) -> Potential:
    torch.manual_seed(1)
    leaf = registry.load("potentials", name)
    potential: Potential = leaf(leaf.Config(**options), size).double()
    with torch.no_grad():  # away from symmetric starts, such as a kernel of zeros
        for parameter in potential.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return potential


def positions(size: int = SIZE) -> Tensor:
    return torch.randn(5, size, dtype=torch.float64, generator=torch.Generator().manual_seed(2)) * 1.5


@pytest.mark.parametrize(("name", "options"), CASES)
def test_the_force_is_minus_the_gradient(name: str, options: dict[str, Any]) -> None:
    potential, z = build(name, options), positions().requires_grad_()
    (gradient,) = torch.autograd.grad(potential.energy(z).sum(), z)
    torch.testing.assert_close(potential.force(z), -gradient, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_the_hessian_is_the_derivative_of_the_gradient(name: str, options: dict[str, Any]) -> None:
    potential, z = build(name, options), positions()
    expected = torch.stack([torch.autograd.functional.hessian(potential.energy, each) for each in z])
    torch.testing.assert_close(potential.hessian(z), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_gradients_reach_the_position_and_every_parameter(name: str, options: dict[str, Any]) -> None:
    potential, z = build(name, options), positions()[:2].requires_grad_()
    parameters = dict(potential.named_parameters())

    def pulled(position: Tensor, *values: Tensor) -> Tensor:
        renamed = dict(zip(parameters, values))
        return torch.func.functional_call(
            Pulled(potential), {f"potential.{n}": v for n, v in renamed.items()}, position
        )

    values = (p.detach().clone().requires_grad_() for p in parameters.values())
    assert torch.autograd.gradcheck(pulled, (z, *values), fast_mode=True)


class Pulled(torch.nn.Module):
    """A module whose forward is the force."""

    def __init__(self, potential: Potential) -> None:
        super().__init__()
        self.potential = potential

    def forward(self, position: Tensor) -> Tensor:
        return self.potential.force(position)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_energies_take_any_leading_axes(name: str, options: dict[str, Any]) -> None:
    potential, z = build(name, options), positions()
    grid = potential.energy(torch.stack([z, 2 * z]))
    assert grid.shape == (2, 5)
    torch.testing.assert_close(grid[0], potential.energy(z))
    torch.testing.assert_close(grid[1, 3], potential.energy(2 * z[3]))


@pytest.mark.parametrize("name", [n for n in registry.names("potentials") if n != "double_well"])
def test_stiffness_is_the_largest_curvature_at_the_origin(name: str) -> None:
    potential = build(name, {})
    at = torch.autograd.functional.hessian(potential.energy, torch.zeros(SIZE, dtype=torch.float64))
    assert potential.stiffness() == pytest.approx(float(torch.linalg.eigvalsh(at)[-1]), rel=1e-10)


def test_stiffness_of_a_double_well_is_at_the_bottom_of_its_wells() -> None:
    potential = DoubleWell(DoubleWellConfig(height=3.0), 2).double()
    at = potential.hessian(torch.tensor([[1.0, -1.0]], dtype=torch.float64))[0]
    torch.testing.assert_close(at, 6 * torch.eye(2, dtype=torch.float64), rtol=1e-6, atol=0)
    assert potential.stiffness() == pytest.approx(6.0, rel=1e-6)


def test_the_published_potential_by_hand() -> None:
    potential = OscillatorRelease(OscillatorReleaseConfig(), 8).double()
    z = torch.tensor([[1.0, 2, 0, 1, -1, 0, 3, 1]], dtype=torch.float64)
    with torch.no_grad():
        potential.kernel.copy_(torch.tensor([1.0, 2, 2]).expand(4, 4, 3))
    assert potential.energy(z).item() == pytest.approx(114.6667, abs=5e-5)
    expected = torch.tensor([32, 33.3333]).double().repeat(4)[None]
    torch.testing.assert_close(-potential.force(z), expected, rtol=0, atol=5e-5)
    i, c = torch.meshgrid(torch.arange(4.0), torch.arange(4.0), indexing="ij")
    with torch.no_grad():
        potential.kernel.copy_(torch.stack([1 + i, 2 - c, 0.5 * (i == c)], -1))
    assert potential.energy(z).item() == pytest.approx(52.98215, abs=5e-6)
    # The note prints 8.094179 at the end; a quadratic form has U = ⟨z, ∇U⟩/2, which with its own other numbers gives 8.094187.
    rows = [[17.448729, 25.560531], [17.325107, 22.042186], [14.168548, 15.071506], [7.142229, 8.094187]]
    expected = torch.tensor(rows, dtype=torch.float64).flatten()[None]
    torch.testing.assert_close(-potential.force(z), expected, rtol=0, atol=5e-7)


@pytest.mark.parametrize("size", [12, 48])
def test_the_published_potential_is_unbounded_below(size: int) -> None:
    potential = build("oscillator_release", {"kernel_init": "normal"}, size)
    z = positions(size)
    torch.testing.assert_close(potential.hessian(z)[0], potential.hessian(-2 * z)[3], rtol=0, atol=0)
    eigenvalues = torch.linalg.eigvalsh(potential.hessian(z)[0])
    assert int((eigenvalues.abs() > 1e-9).sum()) <= size // 2
    assert eigenvalues[0] < -1
    assert eigenvalues[-1] > 0.1


def test_the_published_kernel_starts_at_zero_and_pulls_nowhere() -> None:
    potential = OscillatorRelease(OscillatorReleaseConfig(), 8)
    assert potential.force(torch.ones(2, 8)).abs().max() == 0
    assert OscillatorRelease(OscillatorReleaseConfig(kernel_init="normal"), 8).kernel.std() > 0.5


@pytest.mark.parametrize("boundary", ["zero", "circular"])
def test_the_oscillators_energy_term_by_term(boundary: str) -> None:
    potential = build("oscillator", {"boundary": boundary})
    assert isinstance(potential, Oscillator)
    mu, kappa = F.softplus(potential.raw_stiffness).item(), F.softplus(potential.raw_quartic).item()
    z, length = positions()[0], SIZE // 4
    rows, total = z.view(4, length), 0.0
    for i in range(4):
        for s in range(length):
            at = 0.0
            for c in range(4):
                for k in range(3):
                    site = s + k - 1
                    if boundary == "circular":
                        site %= length
                    if 0 <= site < length:
                        at += potential.kernel[i, c, k].item() * rows[c, site].item()
            total += at * at / 2
    total += mu / 2 * z.square().sum().item() + kappa / 4 * z.pow(4).sum().item()
    assert potential.energy(z).item() == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize("boundary", ["zero", "circular"])
def test_the_oscillators_curvature_is_at_least_mu(boundary: str) -> None:
    potential = build("oscillator", {"boundary": boundary})
    assert isinstance(potential, Oscillator)
    smallest = torch.linalg.eigvalsh(potential.hessian(3 * positions())).min().item()
    assert smallest >= F.softplus(potential.raw_stiffness).item()


def test_starting_values_are_the_specified_ones() -> None:
    torch.manual_seed(0)
    potential = Oscillator(OscillatorConfig(channels=32), 64)
    assert potential.raw_stiffness.item() == pytest.approx(-1.0, abs=1e-6)
    assert potential.raw_quartic.item() == pytest.approx(-3.0, abs=1e-6)
    assert potential.kernel.std().item() == pytest.approx(0.2, rel=0.05)
    assert MLP(MLPConfig(stiffness=2.0), 3).raw_stiffness.item() == pytest.approx(inverse_softplus(2.0))
    assert math.log1p(math.exp(inverse_softplus(2.0))) == pytest.approx(2.0)


@pytest.mark.parametrize("name", ["oscillator", "mlp", "double_well"])
def test_far_away_everything_pulls_back(name: str) -> None:
    potential = build(name, {})
    z = 100 * F.normalize(positions(), dim=-1)
    assert ((potential.force(z) * z).sum(-1) < 0).all()


@pytest.mark.parametrize("name", ["oscillator", "oscillator_release"])
def test_an_odd_layout_is_refused_with_the_sizes_that_fit(name: str) -> None:
    leaf = registry.load("potentials", name)
    with pytest.raises(InvalidInput, match=r"model\.size: got 10; .*multiple of 4.*Set model\.size to 8 or 12"):
        leaf(leaf.Config(), 10)
    with pytest.raises(InvalidInput, match=r"Set model\.size to 4, "):
        leaf(leaf.Config(), 3)


def test_bad_options() -> None:
    for options in ({"channels": 0}, {"stiffness": 0.0}, {"quartic": -1.0}, {"kernel_sd": -1.0}):
        with pytest.raises(InvalidInput, match=f"model.potential.{next(iter(options))}"):
            OscillatorConfig(**options)
    with pytest.raises(InvalidInput, match="hidden"):
        MLPConfig(hidden=0)
    with pytest.raises(InvalidInput, match="height"):
        DoubleWellConfig(height=0.0)
    with pytest.raises(InvalidInput, match="kernel_init"):
        from_dict(OscillatorReleaseConfig, {"kernel_init": "ones"})
    with pytest.raises(InvalidInput, match="boundary"):
        from_dict(OscillatorConfig, {"boundary": "open"})
