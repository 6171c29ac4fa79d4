"""What must hold between rules, whatever the network."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from leaky_networks import FORMS, PARAMETERS, case, found, same
from neurodyn.learning.base import LearningRule
from neurodyn.learning.bptt import BPTT
from neurodyn.learning.eprop import Eprop
from neurodyn.learning.feedback_alignment import FeedbackAlignment
from neurodyn.learning.mdgl import MDGL, MDGLConfig
from neurodyn.learning.modprop import ModProp, ModPropConfig
from neurodyn.learning.rflo import RFLO
from neurodyn.learning.rtrl import RTRL
from neurodyn.learning.snap1 import Snap1
from neurodyn.learning.truncated_bptt import TruncatedBPTT, TruncatedBPTTConfig
from neurodyn.objectives.base import Step

CREDIT: list[LearningRule] = [
    BPTT(),
    TruncatedBPTT(TruncatedBPTTConfig(window=3)),
    TruncatedBPTT(TruncatedBPTTConfig(window=3, leaks=True)),
    Eprop(),
    RFLO(),
    Snap1(),
    MDGL(MDGLConfig(types=2)),
    ModProp(ModPropConfig(types=2)),
    FeedbackAlignment(),
    RTRL(),
]
NAMES = [f"{type(rule).__name__}{i}" for i, rule in enumerate(CREDIT)]


@pytest.mark.parametrize("form", FORMS)
def test_without_recurrent_weights_e_prop_is_exact(form: str) -> None:
    made = case(form).set(recurrent=0.0)
    expected = found(BPTT(), made)
    for rule in (Eprop(), Snap1(), MDGL(MDGLConfig(types=3)), ModProp(ModPropConfig(types=3))):
        same(found(rule, made), expected)


@pytest.mark.parametrize("form", FORMS)
def test_of_one_bin_e_prop_is_exact_but_for_the_initial_state(form: str) -> None:
    made = case(form, bins=1, mask=False)
    exact, local = found(BPTT(), made), found(Eprop(), made)
    assert float((exact.pop("initial") - local.pop("initial")).abs().max()) > 1e-3
    same(local, exact)


@pytest.mark.parametrize("form", FORMS)
def test_of_units_that_send_nothing_e_prop_is_exact(form: str) -> None:
    weights = torch.randn(6, 6, dtype=torch.float64)
    weights[:, :2] = 0
    made = case(form, penalty=0.0).set(recurrent=weights)
    exact, local = found(BPTT(), made), found(Eprop(), made)
    for name in ("recurrent", "input", "bias", "initial"):
        torch.testing.assert_close(local[name][:2], exact[name][:2])
    assert float((local["recurrent"] - exact["recurrent"])[2:].abs().max()) > 1e-3


@pytest.mark.parametrize("form", FORMS)
def test_the_error_of_e_prop_is_first_order_in_the_weights(form: str) -> None:
    weights = torch.randn(6, 6, dtype=torch.float64)
    distances = []
    for scale in (1e-3, 5e-4):
        made = case(form).set(recurrent=scale * weights)
        distances.append(float((found(BPTT(), made)["recurrent"] - found(Eprop(), made)["recurrent"]).norm()))
    assert distances[0] / distances[1] == pytest.approx(2, rel=1e-2)


@pytest.mark.parametrize("form", FORMS)
def test_of_diagonal_weights_snap1_is_exact_and_e_prop_is_not(form: str) -> None:
    made = case(form).set(recurrent=torch.diag(torch.linspace(-1, 1.5, 6)))
    exact = found(BPTT(), made)
    same(found(Snap1(), made), exact)
    assert float((found(Eprop(), made)["recurrent"] - exact["recurrent"]).abs().max()) > 1e-3


@pytest.mark.parametrize("rule", CREDIT, ids=NAMES)
def test_every_rule_is_linear_in_the_error(rule: LearningRule) -> None:
    """Twice the residual, twice the gradient; none where the task is solved, so that solutions are stationary points of all."""
    made = case(penalty=0.0, mask=False)
    with torch.no_grad():
        outputs = made.model(made.batch.observed).predictions["target"][..., 0]
    residual = torch.randn_like(outputs)

    def gradients(scale: float) -> dict[str, Tensor]:
        batch = dataclasses.replace(made.batch, targets={"target": outputs - scale * residual})
        return found(rule, dataclasses.replace(made, batch=batch))

    once, twice = gradients(1.0), gradients(2.0)
    same(twice, {name: 2 * value for name, value in once.items()})
    assert all(float(value.abs().max()) == 0 for value in gradients(0.0).values())


@pytest.mark.parametrize("rule", CREDIT, ids=NAMES)
def test_the_readout_gets_the_exact_gradient(rule: LearningRule) -> None:
    made = case()
    exact, gradients = found(BPTT(), made), found(rule, made)
    for name in ("output", "output_bias"):
        same({name: gradients[name]}, {name: exact[name]})


@pytest.mark.parametrize("form", FORMS)
def test_modprop_is_e_prop_where_types_mean_nothing(form: str) -> None:
    made = case(form)
    weights = made.model.recurrent.detach()
    made.set(recurrent=weights - weights.mean())
    same(found(ModProp(ModPropConfig(types=1)), made), found(Eprop(), made))
    same(found(MDGL(MDGLConfig(types=1)), made), found(Eprop(), made))
    same(found(ModProp(ModPropConfig(types=3, mu=0.0)), made), found(Eprop(), made))


@pytest.mark.parametrize("form", FORMS)
def test_modprop_is_exact_for_a_linear_network_of_which_it_knows_every_weight(form: str) -> None:
    made = case(form, nonlinearity="linear")
    same(found(ModProp(ModPropConfig(types=6, mu=1.0)), made), found(BPTT(), made))


def test_a_scalar_linear_network() -> None:
    """a_t depends on the initial state by (1 − α + α w)^{t+1}, as e-prop sees it by (1 − α)^{t+1}."""
    made = case(units=1, trials=1, bins=5, penalty=0.0, mask=False, nonlinearity="linear", time_constants_s=(0.05,))
    made.set(recurrent=1.7, output=[[1.0], [0.0], [0.0]], output_bias=0.0)
    alpha, w = 0.2, 1.7
    with torch.no_grad():
        outputs = made.model(made.batch.observed).predictions["target"][..., 0]
    target = outputs.clone()
    target[:, 4, 0] -= 7.5  # a residual in the last bin alone, so that dE/da_4 = 2 · 7.5/15 = 1
    solved = dataclasses.replace(made, batch=dataclasses.replace(made.batch, targets={"target": target}))
    for rule, factor in ((BPTT(), 1 - alpha + alpha * w), (Snap1(), 1 - alpha + alpha * w), (Eprop(), 1 - alpha)):
        assert float(found(rule, solved)["initial"]) == pytest.approx(factor**5, rel=1e-6)


def test_alignment_with_the_exact_gradient() -> None:
    """On a network as it starts: positive for rules with the readout's weights, more for those that keep more of the Jacobian exactly."""
    made = case(units=20, trials=20, bins=30, mask=False, penalty=0.0, time_constants_s=(0.1,), nonlinearity="retanh")
    made.set(initial=0.0, bias=0.0, output_bias=0.0)
    exact = found(BPTT(), made)
    cosines = {type(rule).__name__: cosine(found(rule, made), exact) for rule in CREDIT}
    assert cosines["RTRL"] == pytest.approx(1) and cosines["BPTT"] == pytest.approx(1)
    assert 0.3 < cosines["Eprop"] < 0.999


def cosine(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    return float(torch.cosine_similarity(one["recurrent"].flatten(), other["recurrent"].flatten(), dim=0))


def test_fixed_parameters_stay_without_gradient() -> None:
    made = case()
    for name in ("recurrent", "initial", "output"):
        getattr(made.model, name).requires_grad_(False)
    for rule in CREDIT:
        gradients = found(rule, made)
        for name in PARAMETERS:
            trained = name not in ("recurrent", "initial", "output")
            assert (getattr(made.model, name).grad is not None) == trained, (type(rule), name)
            assert (float(gradients[name].abs().max()) > 0) == trained


def test_several_batches_weigh_equally() -> None:
    made = case()
    for rule in CREDIT:
        once = found(rule, made)
        made.model.zero_grad(set_to_none=True)
        rule.gradients(made.model, made.objective, [made.batch, made.batch], Step())
        same({name: getattr(made.model, name).grad for name in PARAMETERS}, once)
