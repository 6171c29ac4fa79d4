"""The two-unit network of which the gradients of every rule are known."""

from __future__ import annotations

import pytest
import torch

from leaky_networks import found, worked_example
from neurodyn.learning._credit import CreditRule, FeedbackWeights
from neurodyn.learning.base import LearningRule
from neurodyn.learning.bptt import BPTT
from neurodyn.learning.eprop import Eprop, EpropConfig
from neurodyn.learning.feedback_alignment import FeedbackAlignment, FeedbackAlignmentConfig
from neurodyn.learning.modprop import ModProp, ModPropConfig
from neurodyn.learning.rflo import RFLO, RFLOConfig
from neurodyn.learning.rtrl import RTRL
from neurodyn.learning.snap1 import Snap1
from neurodyn.learning.truncated_bptt import TruncatedBPTT, TruncatedBPTTConfig
from neurodyn.objectives.base import Step

EXACT = [-0.13514319, 0.00483055, 0.09870664, -0.02029857]
EPROP = [-0.13852893, 0.00649262, 0.05140975, 0.00063349]
SNAP1 = [-0.15809770, 0.01484811, 0.05587642, -0.00133560]
POTENTIAL: list[tuple[LearningRule, list[float]]] = [
    (BPTT(), EXACT),
    (RTRL(), EXACT),
    (FeedbackAlignment(FeedbackAlignmentConfig(feedback="symmetric")), EXACT),
    (TruncatedBPTT(TruncatedBPTTConfig(window=4)), EXACT),
    (Eprop(), EPROP),
    (RFLO(RFLOConfig(feedback="symmetric")), EPROP),
    (Snap1(), SNAP1),
    (Eprop(EpropConfig(cut_self=False)), SNAP1),
    (ModProp(ModPropConfig(types=1)), [-0.13984200, 0.00707121, 0.05009668, 0.00121209]),
    (ModProp(ModPropConfig(types=2)), [-0.13819009, 0.00633989, 0.06131539, -0.00371128]),
]
RATE_EXACT = [-0.05290158, -0.00732199, 0.05544841, -0.01309822]
RATE_LOCAL = [-0.05516767, -0.00601276, 0.03025587, -0.00035572]
RATE: list[tuple[LearningRule, list[float]]] = [
    (BPTT(), RATE_EXACT),
    (RTRL(), RATE_EXACT),
    (FeedbackAlignment(FeedbackAlignmentConfig(feedback="symmetric")), RATE_EXACT),
    (RFLO(RFLOConfig(feedback="symmetric")), RATE_LOCAL),
    (Eprop(), RATE_LOCAL),
]
CASES = [("potential", *each) for each in POTENTIAL] + [("rate", *each) for each in RATE]


@pytest.mark.parametrize(("form", "rule", "expected"), CASES, ids=lambda each: type(each).__name__)
def test_recurrent_weights(form: str, rule: LearningRule, expected: list[float]) -> None:
    """E is twice the loss, which is a mean over four bins."""
    gradient = 2 * found(rule, worked_example(form))["recurrent"].flatten()
    torch.testing.assert_close(gradient, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=6e-9)


@pytest.mark.parametrize("rule", [Eprop(EpropConfig(feedback="random")), RFLO()])
def test_other_feedback(rule: CreditRule) -> None:
    made = worked_example()
    rule.prepare(made.model, 0)
    assert isinstance(rule.trained, FeedbackWeights)
    rule.trained.weights.fill_(1.0)
    losses = rule.gradients(made.model, made.objective, [made.batch], Step())
    assert float(losses.total.detach()) * 2 == pytest.approx(0.2696866341, abs=1e-10)
    gradient = 2 * made.model.recurrent.grad.flatten()  # type: ignore[union-attr]
    expected = torch.tensor([-0.19789848, 0.00927516, -0.17136585, -0.00211165], dtype=torch.float64)
    torch.testing.assert_close(gradient, expected, rtol=0, atol=6e-9)


@pytest.mark.parametrize(("form", "error"), [("potential", 0.2696866341), ("rate", 0.2220902669)])
def test_loss_and_cosines(form: str, error: float) -> None:
    made = worked_example(form)
    losses = Eprop().gradients(made.model, made.objective, [made.batch], Step())
    assert float(losses.total.detach()) * 2 == pytest.approx(error, abs=1e-10)
    if form == "rate":
        return
    exact = found(BPTT(), made)["recurrent"].flatten()
    for rule, expected in (
        (Eprop(), 0.95471620),
        (Snap1(), 0.95031476),
        (ModProp(ModPropConfig(types=1)), 0.95104782),
    ):
        gradient = found(rule, made)["recurrent"].flatten()
        cosine = float(torch.cosine_similarity(exact, gradient, dim=0))
        assert cosine == pytest.approx(expected, abs=1e-8)
