"""Spaces: fields by their dotted names, checked against the plan they vary."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_search import MODEL

from neurodyn import registry
from neurodyn.errors import InvalidInput, MissingData
from neurodyn.search.space import Space, varied
from neurodyn.search.spaces import SPACES
from neurodyn.training.plan import Plan

LFADS = Plan.of("lfads")
TOY = Plan.of(MODEL)


@pytest.mark.parametrize("model", sorted(SPACES))
def test_the_space_a_model_brings_fits_it(model: str) -> None:
    plan = Plan.of(model)
    space = Space.of(SPACES[model]).checked(plan)
    for member in range(20):
        varied(plan, space.explored(space.drawn(np.random.default_rng(member)), np.random.default_rng(member)))


def test_the_space_of_lfads_is_the_published_one() -> None:
    space = {dimension.name: dimension for dimension in Space.of(SPACES["lfads"]).checked(LFADS)}
    rate = space["train.learning_rate"]
    assert (rate.values, rate.start, rate.explore, rate.bounded) == ((1e-5, 5e-3), 4e-3, 0.3, True)
    assert space["model.coordinated_dropout"].start == 0.5
    for name in ("objective.kl_scales.inputs", "model.l2_generator", "model.l2_controller"):
        assert not space[name].bounded and space[name].explore == 0.8
    assert not any(dimension.whole for dimension in space.values())


def test_values_reach_every_group_and_the_parts_of_parts() -> None:
    found = varied(
        LFADS,
        {
            "model.generator.size": 33,
            "model.dropout": 0.125,
            "objective.kl_scales.inputs": 1e-5,
            "train.learning_rate": 0.5,
        },
    )
    assert found.model_config.generator.size == 33 and found.model_config.dropout == 0.125
    assert found.objective_config.kl_scales == {"inputs": 1e-5} and found.train.learning_rate == 0.5
    assert LFADS.objective_config.kl_scales == {}
    other = varied(LFADS, {"model.generator.size": 12, "model.generator": "low_rank"}).model_config.generator
    assert registry.name_of(type(other)) == "low_rank" and other.size == 12


def test_whole_numbers_are_drawn_where_the_field_wants_them() -> None:
    space = Space.of({"model.width": "uniform(2, 9)", "model.fuse": "uniform(0, 1)"}).checked(TOY)
    width, fuse = space
    assert width.whole and not fuse.whole
    values = space.drawn(np.random.default_rng(0))
    assert type(values["model.width"]) is int and type(values["model.fuse"]) is float


@pytest.mark.parametrize(
    ("field", "given", "named"),
    [
        ("model.dropuot", "uniform(0, 0.6)", "Did you mean 'dropout'?"),
        ("objective.kl_scal", "uniform(0, 0.6)", "Did you mean 'kl_scale"),
        ("train.learning_rat", "uniform(0.1, 0.6)", "Did you mean 'learning_rate'?"),
        ("dropout", "uniform(0, 0.6)", "Did you mean model.dropout?"),
        ("learning_rate", "uniform(0.1, 0.6)", "Did you mean train.learning_rate?"),
        ("model", "uniform(0, 0.6)", "a name below model, objective or train"),
        ("model.generator.sise", "uniform(2, 60)", "Did you mean 'size'?"),
        ("model.dropout.rate", "uniform(0, 0.6)", "does not exist"),
        ("model.input_prior", "uniform(0, 0.6)", "one of 'autoregressive', 'normal'"),
        ("model.input_prior", "choice(normal, autoregresive)", "Did you mean 'autoregressive'?"),
        ("model.dropout", "choice(0.1, a)", "a number"),
        ("model.dropout", "uniform(0, 1)", "at most 0.99"),
        ("model.inferred_inputs", "uniform(0.5, 3.5)", "whole numbers"),
        ("train.learning_rate", "uniform(0, 0.6)", "above 0"),
        ("train.select", "choice(loss, unseen_bps)", "members may differ in"),
        ("train.epochs", "uniform(5, 10)", "members may differ in"),
    ],
)
def test_a_space_that_does_not_fit_is_refused(field: str, given: str, named: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Space.of({field: given}).checked(LFADS)
    assert named in str(refused.value)


def test_a_file_says_the_same(tmp_path: Path) -> None:
    path = tmp_path / "space.yaml"
    path.write_text("model.dropout: {uniform: [0, 0.6], explore: 0.2}\ntrain.learning_rate: log_uniform(1e-4, 1e-2)\n")
    space = Space.of(path)
    assert space == Space.of({"model.dropout": "uniform(0, 0.6, explore=0.2)", "train.learning_rate": "log_uniform(1e-4, 1e-2)"})  # fmt: skip
    assert Space.of(space.as_mapping()) == space
    for text, named in (("a: [", "YAML"), ("- 3", "mapping"), ("", "mapping")):
        path.write_text(text)
        with pytest.raises(InvalidInput, match=named):
            Space.of(path)
    with pytest.raises(MissingData, match=r"absent\.yaml"):
        Space.of(tmp_path / "absent.yaml")
