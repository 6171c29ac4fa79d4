"""Gradients estimated from noise: unbiased, with any base, and refused where they cannot be."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor

from leaky_networks import FORMS, Case, again, case, found, same, worked_example
from neurodyn import config as configs
from neurodyn.data.batch import Batch
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.learning.bptt import BPTT
from neurodyn.learning.node_perturbation import NodePerturbation, NodePerturbationConfig
from neurodyn.objectives.base import Step
from neurodyn.objectives.poisson import Poisson, PoissonConfig
from neurodyn.objectives.task import Task, TaskConfig

ESTIMATED = ("recurrent", "input", "bias", "initial")
TRIALS, DRAWS = 4000, 25


def many(form: str, trials: int = TRIALS) -> Case:
    """The worked example with the same trial many times over, so that a batch averages over draws."""
    made = worked_example(form)
    batch = made.batch.take(torch.zeros(trials, dtype=torch.long))
    return dataclasses.replace(made, batch=batch)


def estimates(rule: NodePerturbation, made: Case, draws: int = DRAWS) -> dict[str, Tensor]:
    """What the rule finds, `(draw, ...)`."""
    rule.prepare(made.model, 0)
    each = []
    for draw in range(draws):
        torch.manual_seed(draw)
        each.append(again(rule, made, draw))
    return {name: torch.stack([gradients[name] for gradients in each]) for name in each[0]}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("perturb", ["activity", "weights"])
def test_the_estimate_is_unbiased(form: str, perturb: Any) -> None:
    made = many(form)
    exact = found(BPTT(), worked_example(form))
    drawn = estimates(NodePerturbation(NodePerturbationConfig(perturb=perturb, sd=1e-3)), made)
    for name in ESTIMATED:
        error = drawn[name].std(0) / DRAWS**0.5
        size = float(exact[name].norm())
        assert float(error.norm()) < 0.1 * size
        assert float(((drawn[name].mean(0) - exact[name]) / error).abs().max()) < 4, name
    for name in ("output", "output_bias"):
        torch.testing.assert_close(drawn[name][0], exact[name])


def test_other_bases_are_unbiased_at_the_price_of_variance() -> None:
    made = many("potential")
    made = dataclasses.replace(made, batch=dataclasses.replace(made.batch, condition=torch.arange(TRIALS) % 3))
    exact = found(BPTT(), worked_example())
    spread = {}
    for base in ("clean", "condition_mean", "none"):
        config = NodePerturbationConfig(base=base, sd=0.05)  # type: ignore[arg-type]
        drawn = estimates(NodePerturbation(config), made)["recurrent"]
        if base == "condition_mean":
            assert float(drawn[0].abs().max()) == 0  # conditions that were not seen before say nothing
            drawn = drawn[1:]
        error = drawn.std(0) / len(drawn) ** 0.5
        assert float(((drawn.mean(0) - exact["recurrent"]) / error).abs().max()) < 4, base
        spread[base] = float(drawn.std(0).mean())
    assert spread["clean"] < 1.1 * spread["condition_mean"] < 0.5 * spread["none"]


def test_running_means_are_kept_with_the_run() -> None:
    made = many("potential", 6)
    made = dataclasses.replace(made, batch=dataclasses.replace(made.batch, condition=torch.tensor([0, 0, 1, 1, 1, 7])))
    rules = [NodePerturbation(NodePerturbationConfig(base="condition_mean", base_rate=0.5)) for _ in range(2)]
    for rule in rules:
        rule.prepare(made.model, 0)
    torch.manual_seed(0)
    again(rules[0], made)
    kept = rules[0].trained
    assert kept is not None and rules[1].trained is not None
    assert kept.state_dict()["known"].nonzero().flatten().tolist() == [0, 1, 7]
    rules[1].trained.load_state_dict(kept.state_dict())
    results = []
    for rule in rules:
        torch.manual_seed(1)
        results.append(again(rule, made))
    same(*results)
    assert float(results[0]["recurrent"].abs().max()) > 0


@pytest.mark.parametrize("perturb", ["activity", "weights"])
def test_constraints_and_masks(perturb: Any) -> None:
    """Connections that do not exist get no gradient, and a bin that does not count says nothing."""
    made = case(units=10, dale=True, density=0.5, trials=2000, bins=4, mask=False, penalty=0.0)
    rule = NodePerturbation(NodePerturbationConfig(perturb=perturb, sd=1e-3))
    torch.manual_seed(0)
    gradients, exact = found(rule, made), found(BPTT(), made)
    assert float(gradients["recurrent"][made.model.connectivity.signs == 0].abs().max()) == 0
    cosine = torch.cosine_similarity(gradients["bias"], exact["bias"], dim=0)
    assert float(cosine) > 0.9
    nothing = dataclasses.replace(
        made, batch=dataclasses.replace(made.batch, mask=torch.zeros(2000, 4, dtype=torch.bool))
    )
    assert float(found(rule, nothing)["recurrent"].abs().max()) == 0


def test_noise_of_the_activity_is_the_same_with_and_without_perturbation() -> None:
    """Else the difference of the two losses would be noise over σ²."""
    made = case(activity_noise=0.5, trials=400, bins=4, mask=False, penalty=0.0)
    made.model.train()
    rule = NodePerturbation(NodePerturbationConfig(sd=1e-4))
    torch.manual_seed(0)
    gradients = found(rule, made)
    torch.manual_seed(0)
    exact = found(BPTT(), made)
    assert float(gradients["bias"].norm()) < 3 * float(exact["bias"].norm())


def test_penalties_on_activity_are_left_out_and_those_on_weights_followed() -> None:
    made, without = case(penalty=3.0, blocks=0.2), case(penalty=0.0, blocks=0.2)
    results = []
    for each in (made, without):
        torch.manual_seed(0)
        results.append(found(NodePerturbation(), each))
    same(*results)
    blocks = dataclasses.replace(made, objective=Task(TaskConfig(), made.model))
    torch.manual_seed(0)
    change = results[0]["recurrent"] - found(NodePerturbation(), blocks)["recurrent"]
    expected = torch.zeros(6, 6, dtype=torch.float64)
    weights = made.model.recurrent.detach()
    expected[:3, 3:], expected[3:, :3] = 0.4 * weights[:3, 3:], 0.4 * weights[3:, :3]
    torch.testing.assert_close(change, expected)


def test_what_it_cannot_do_is_refused() -> None:
    made = case()
    rule = NodePerturbation(NodePerturbationConfig(base="condition_mean"))
    rule.prepare(made.model, 0)
    unknown = dataclasses.replace(made.batch, condition=None)
    with pytest.raises(InvalidInput, match="no conditions"):
        rule.gradients(made.model, made.objective, [unknown], Step())
    with pytest.raises(InvalidInput, match="a loss of each trial"):
        rule.gradients(made.model, Poisson(PoissonConfig(), made.model), [made.batch], Step())
    for wrong in ({"sd": 0.0}, {"base_rate": 0.0}, {"base_rate": 1.5}, {"perturb": "outputs"}):
        with pytest.raises(InvalidInput, match=rf"rule\.{next(iter(wrong))}"):
            configs.from_dict(NodePerturbationConfig, wrong, "rule")


def test_conditions_of_a_batch() -> None:
    """Whole numbers as they are, other labels by a number of their own, -1 for none."""

    def conditions(labels: list[Any]) -> list[int]:
        values = torch.zeros(len(labels), 2, 1).numpy()
        batch = Batch.of(Trials.from_arrays(bin_s=0.01, stimulus=values, targets=values, conditions=labels))
        assert batch.condition is not None and batch.take(torch.tensor([1])).condition is not None
        return batch.condition.tolist()

    assert conditions([4, 2, 4]) == [4, 2, 4]
    left, right, none = conditions(["left", "right", None])
    assert none == -1 and left != right and conditions(["right", "left", "left"]) == [right, left, left]
