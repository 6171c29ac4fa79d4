"""Readouts: where they start, and that the flow can be undone."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from neurodyn import registry
from neurodyn.errors import InvalidInput
from neurodyn.models.readouts.flow import LIPSCHITZ, Flow, FlowConfig
from neurodyn.models.readouts.linear import Linear, LinearConfig


@pytest.mark.parametrize("name", registry.names("readouts"))
def test_factors_of_zero_read_out_as_the_start(name: str) -> None:
    torch.manual_seed(0)
    leaf = registry.load("readouts", name)
    readout, start = leaf(leaf.Config(), 3, 7, 1), torch.randn(7, 1)
    readout.start(start)
    assert torch.allclose(readout(torch.zeros(2, 5, 3)), start.expand(2, 5, 7, 1), atol=1e-5)


def test_linear_parameters_lie_in_blocks() -> None:
    readout = Linear(LinearConfig(), 3, 4, 2)
    readout.start(torch.arange(8.0).view(4, 2))
    assert torch.equal(readout(torch.zeros(3)), torch.arange(8.0).view(4, 2))
    assert readout.map.bias.tolist() == [0.0, 2.0, 4.0, 6.0, 1.0, 3.0, 5.0, 7.0]


def test_a_flow_without_a_field_pads_its_factors() -> None:
    flow = Flow(FlowConfig(invertible=False, affine=False), 2, 5, 1)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.zero_()
    factors = torch.randn(4, 2)
    assert torch.equal(flow(factors)[..., 0], nn.functional.pad(factors, (0, 3)))


@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_the_inverse_of_a_flow_finds_its_factors(scale: float) -> None:
    torch.manual_seed(1)
    flow = Flow(FlowConfig(), 3, 6, 1).double()
    with torch.no_grad():  # weights far above the bound are shrunk
        for name, parameter in flow.named_parameters():
            if name.endswith("original"):
                parameter.mul_(scale)
    factors = torch.randn(20, 3).double()
    found, off = flow.inverse(flow(factors)[..., 0], tolerance=1e-9)
    assert torch.allclose(found, factors, atol=1e-5)
    assert off.max() < 1e-5


def test_the_inverse_tells_how_far_rates_lie_off_the_surface() -> None:
    torch.manual_seed(1)
    flow = Flow(FlowConfig(), 2, 6, 1).double()
    _, off = flow.inverse(flow(torch.randn(20, 2).double())[..., 0] + 0.5 * torch.randn(20, 6).double(), tolerance=1e-9)
    assert off.min() > 1e-2


def test_steps_of_an_invertible_flow_contract() -> None:
    torch.manual_seed(2)
    flow = Flow(FlowConfig(), 2, 5, 1).double()
    with torch.no_grad():
        for name, parameter in flow.named_parameters():
            if name.endswith("original"):
                parameter.mul_(50)
    for y in torch.randn(10, 5).double():
        jacobian = torch.autograd.functional.jacobian(flow._change, y)
        assert torch.linalg.matrix_norm(jacobian, 2) <= LIPSCHITZ


def test_a_published_flow_may_have_no_inverse_and_says_so() -> None:
    torch.manual_seed(2)
    flow = Flow(FlowConfig(invertible=False), 2, 5, 1)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.mul_(20)
    with pytest.raises(InvalidInput, match="invertible=true"):
        flow.inverse(torch.randn(10, 5), iterations=50)


def test_what_a_flow_cannot_read_out_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"model\.factors.*at most 4"):
        Flow(FlowConfig(), 5, 4, 1)
    with pytest.raises(InvalidInput, match="one parameter"):
        Flow(FlowConfig(), 2, 4, 2)
