"""Feedback weights: drawn by the seed, fixed or adapted, and kept with the run."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from leaky_networks import FORMS, Case, again, case, differentiated, exact, found, same, without_paths
from neurodyn import config as configs
from neurodyn.errors import InvalidInput
from neurodyn.learning._credit import CreditRule, FeedbackWeights
from neurodyn.learning.eprop import Eprop, EpropConfig
from neurodyn.learning.feedback_alignment import FeedbackAlignment, FeedbackAlignmentConfig
from neurodyn.learning.mdgl import MDGL, MDGLConfig
from neurodyn.learning.modprop import ModProp, ModPropConfig
from neurodyn.learning.rflo import RFLO
from neurodyn.learning.snap1 import Snap1, Snap1Config

CREDITED = ("recurrent", "input", "bias", "initial")


def weights_of(rule: CreditRule) -> Tensor:
    assert isinstance(rule.trained, FeedbackWeights)
    return rule.trained.weights


@pytest.mark.parametrize("form", FORMS)
def test_errors_enter_by_the_feedback_weights(form: str) -> None:
    made = case(form)
    for rule, current in ((FeedbackAlignment(), exact), (RFLO(), without_paths)):
        gradients = found(rule, made)
        expected = differentiated(made, current, feedback=weights_of(rule)).gradients
        same({name: gradients[name] for name in CREDITED}, {name: expected[name] for name in CREDITED})


def test_the_weights_are_the_seed_s_and_of_the_size_of_a_readout() -> None:
    made, rules = case(units=50), [RFLO() for _ in range(3)]
    for rule, seed in zip(rules, (1, 1, 2)):
        rule.prepare(made.model, seed)
    one, same_seed, other = (weights_of(rule) for rule in rules)
    assert torch.equal(one, same_seed) and not torch.equal(one, other)
    assert one.shape == made.model.output.shape and 0.9 < float(one.abs().max()) * 50**0.5 < 1
    assert not one.requires_grad and list(rules[0].trained.parameters()) == []  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "rule",
    [
        Eprop(EpropConfig(feedback="random")),
        Snap1(Snap1Config(feedback="random")),
        MDGL(MDGLConfig(feedback="random", types=2)),
        ModProp(ModPropConfig(feedback="random", types=2)),
    ],
)
def test_with_the_readout_in_their_place_it_is_the_symmetric_rule(rule: CreditRule) -> None:
    made = case()
    rule.prepare(made.model, 0)
    weights_of(rule).copy_(made.model.output.detach())
    options = {**vars(rule.config), "feedback": "symmetric"}
    same(again(rule, made), found(type(rule)(type(rule.config)(**options)), made))


@pytest.mark.parametrize("kind", [Eprop, FeedbackAlignment])
def test_adaptive_feedback_comes_to_align_with_the_readout(kind: type[CreditRule]) -> None:
    """The same increments for both and the same decay: what they started with is forgotten."""
    assert kind.Config is not None
    rule = kind(kind.Config(feedback="adaptive", feedback_decay=0.1))
    made = case(bins=4, mask=False, penalty=0.0)
    rule.prepare(made.model, 0)
    before = aligned(rule, made)
    parameters = [*made.model.parameters(), *rule.trained.parameters()]  # type: ignore[union-attr]
    optimizer = torch.optim.SGD(parameters, lr=0.1)
    for step in range(300):
        optimizer.zero_grad(set_to_none=True)
        again(rule, made, step)
        optimizer.step()
    assert abs(before) < 0.5 and aligned(rule, made) > 0.98


def aligned(rule: CreditRule, made: Case) -> float:
    """Cosine of the feedback and the readout."""
    return float(
        torch.cosine_similarity(weights_of(rule).detach().flatten(), made.model.output.detach().flatten(), dim=0)
    )


def test_adaptive_feedback_changes_as_the_readout_does() -> None:
    rule, made = Eprop(EpropConfig(feedback="adaptive", feedback_decay=0.2)), case()
    gradients, readout = found(rule, made), made.model.output.detach()
    plain = found(Eprop(), made)["output"]
    torch.testing.assert_close(gradients["output"], plain + 0.2 * readout)
    torch.testing.assert_close(weights_of(rule).grad, plain + 0.2 * weights_of(rule).detach())


def test_wrong_options_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"rule\.feedback"):
        configs.from_dict(EpropConfig, {"feedback": "learned"}, "rule")
    with pytest.raises(InvalidInput, match=r"rule\.feedback_decay"):
        FeedbackAlignmentConfig(feedback_decay=-1.0)
