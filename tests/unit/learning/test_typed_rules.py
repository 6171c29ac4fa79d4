"""ModProp and multidigraph learning: credit over connections that are known by type alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from leaky_networks import FORMS, again, by_other_weights, case, differentiated, found, same
from neurodyn.errors import InvalidInput
from neurodyn.learning.mdgl import MDGL, MDGLConfig
from neurodyn.learning.modprop import ModProp, ModPropConfig
from neurodyn.learning.snap1 import Snap1

DALE: dict[str, Any] = {"dale": True, "units": 10, "cell_types": 2, "nonlinearity": "relu"}


def means(weights: Tensor, types: list[int]) -> Tensor:
    """Every weight replaced by the mean of its block, block by block."""
    found = torch.empty_like(weights)
    kinds = torch.tensor(types)
    for a in set(types):
        for b in set(types):
            block = torch.outer(kinds == a, kinds == b)
            found[block] = weights[block].mean()
    return found


NETWORKS: list[tuple[dict[str, Any], int | None, list[int]]] = [
    ({}, 1, [0] * 6),
    ({}, 2, [0, 0, 0, 1, 1, 1]),
    ({}, 4, [0, 0, 1, 2, 2, 3]),
    (DALE, None, [0] * 4 + [1] * 4 + [2, 3]),
    (DALE, 2, [0] * 5 + [1] * 5),
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("network", "types", "dealt"), NETWORKS)
def test_modprop(form: str, network: dict[str, Any], types: int | None, dealt: list[int]) -> None:
    made = case(form, **network)
    other = means(made.model.weights.detach(), dealt)
    expected = differentiated(made, constant=(other, 0.3)).gradients
    same(found(ModProp(ModPropConfig(types=types, mu=0.3)), made), expected)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("network", "types", "dealt"), NETWORKS)
def test_mdgl_is_the_first_order_in_the_means(
    form: str, network: dict[str, Any], types: int | None, dealt: list[int]
) -> None:
    made = case(form, **network)
    other = means(made.model.weights.detach(), dealt)

    def at(scale: float) -> dict[str, Tensor]:
        return differentiated(made, by_other_weights(other, scale)).gradients

    none, more, less = at(0.0), at(1e-4), at(-1e-4)
    expected = {name: none[name] + (more[name] - less[name]) / 2e-4 for name in none}
    same(found(MDGL(MDGLConfig(types=types)), made), expected, tolerance=1e-6)


@pytest.mark.parametrize("form", FORMS)
def test_snap1(form: str) -> None:
    made = case(form, nonlinearity="retanh")
    other = torch.diag(made.model.recurrent.detach().diagonal())
    same(found(Snap1(), made), differentiated(made, by_other_weights(other)).gradients)


@pytest.mark.parametrize("rule", [ModProp, MDGL])
def test_the_means_are_those_of_the_present_weights(rule: type[Any]) -> None:
    made = case()
    made_of = rule(rule.Config(types=2))
    before = found(made_of, made)
    weights = made.model.recurrent.detach()
    made.set(recurrent=weights + 0.5)
    same(again(made_of, made), found(rule(rule.Config(types=2)), made))
    assert float((again(made_of, made)["recurrent"] - before["recurrent"]).abs().max()) > 1e-3


@pytest.mark.parametrize("rule", [ModProp, MDGL])
def test_a_network_without_types_is_refused(rule: type[Any]) -> None:
    with pytest.raises(InvalidInput, match=r"no cell types.*--rule\.types") as raised:
        rule().prepare(case().model, 0)
    assert raised.value.field == "rule.types"


@pytest.mark.parametrize("rule", [ModProp, MDGL])
def test_wrong_numbers_of_types_are_refused(rule: type[Any]) -> None:
    with pytest.raises(InvalidInput, match="at most 6, the units"):
        rule(rule.Config(types=7)).prepare(case().model, 0)
    with pytest.raises(InvalidInput, match=r"rule\.types"):
        rule.Config(types=0)
    with pytest.raises(InvalidInput, match=r"rule\.mu"):
        ModPropConfig(mu=-0.1)
