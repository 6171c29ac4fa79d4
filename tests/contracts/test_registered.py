"""What holds for everything registered: names, summaries, documentation, options that round-trip through YAML."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from neurodyn import config as configs
from neurodyn import registry
from neurodyn.alignment.base import AlignmentMeasure
from neurodyn.analysis.dynamics_measures.base import DynamicsMeasure
from neurodyn.data.datasets.base import Dataset
from neurodyn.data.transforms.base import Transform
from neurodyn.decoding.base import Decoder
from neurodyn.dynamics.integrators.base import Integrator
from neurodyn.engines.base import Engine
from neurodyn.learning.base import LearningRule
from neurodyn.metrics.base import Metric
from neurodyn.models.base import Model
from neurodyn.models.front_ends.base import FrontEnd
from neurodyn.models.generators.base import Generator
from neurodyn.models.potentials.base import Potential
from neurodyn.models.readouts.base import Readout
from neurodyn.objectives.base import Objective
from neurodyn.objectives.strategies.base import Strategy
from neurodyn.observations.base import Observation
from neurodyn.similarity.measures.base import SimilarityMeasure
from neurodyn.simulate.embeddings.base import Embedding
from neurodyn.simulate.samplers.base import Sampler
from neurodyn.tasks.base import Task
from neurodyn.training.config import TrainConfig

INTERFACES = {
    "models": Model,
    "datasets": Dataset,
    "tasks": Task,
    "transforms": Transform,
    "observations": Observation,
    "objectives": Objective,
    "strategies": Strategy,
    "learning_rules": LearningRule,
    "metrics": Metric,
    "decoders": Decoder,
    "alignment_measures": AlignmentMeasure,
    "similarity_measures": SimilarityMeasure,
    "dynamics_measures": DynamicsMeasure,
    "generators": Generator,
    "readouts": Readout,
    "integrators": Integrator,
    "potentials": Potential,
    "front_ends": FrontEnd,
    "engines": Engine,
    "samplers": Sampler,
    "embeddings": Embedding,
}
DOCUMENTED = (
    "models",
    "generators",
    "readouts",
    "integrators",
    "potentials",
    "front_ends",
    "datasets",
    "tasks",
    "metrics",
    "decoders",
    "alignment_measures",
    "similarity_measures",
    "dynamics_measures",
    "strategies",
    "learning_rules",
    "samplers",
    "embeddings",
)
"""Kinds with a page for each thing."""
DERIVED = [(kind, name) for kind, (source, _) in registry.DERIVED.items() for name in registry.names(source)]
"""What a kind holds because another kind holds it."""
THINGS = [(kind, name) for kind in INTERFACES for name in registry.names(kind) if (kind, name) not in DERIVED]
DOCS = Path(__file__).parents[2] / "docs"


def test_every_kind_is_checked() -> None:
    assert set(INTERFACES) == set(registry.KINDS)


@pytest.mark.parametrize(("kind", "name"), THINGS)
def test_file_class_and_summary_agree(kind: str, name: str) -> None:
    cls = registry.load(kind, name)
    assert issubclass(cls, INTERFACES[kind])
    assert cls.__name__.lower() == name.replace("_", "")
    assert registry.name_of(cls) == name
    ours = [sub for sub in cls.__subclasses__() if sub.__module__.startswith("neurodyn.")]
    assert not ours, "a class is an interface or a leaf"
    assert len(registry.summary(kind, name)) > 10


@pytest.mark.parametrize(("kind", "name"), [thing for thing in THINGS if thing[0] in DOCUMENTED])
def test_has_a_page(kind: str, name: str) -> None:
    page = DOCS / kind / f"{name}.md"
    assert page.is_file(), f"docs/{kind}/{name}.md is missing"
    assert page.read_text().startswith("# ")


@pytest.mark.parametrize(("kind", "name"), [t for t in THINGS if getattr(registry.load(*t), "Config", None)])
def test_options_are_documented_and_round_trip(kind: str, name: str) -> None:
    cls = registry.load(kind, name).Config
    assert cls.__name__ == f"{registry.load(kind, name).__name__}Config"
    config = cls()
    assert configs.from_dict(cls, yaml.safe_load(configs.documented_yaml(config)) or {}) == config
    assert configs.from_dict(cls, configs.to_dict(config)) == config
    undocumented = set(configs.to_dict(config)) - set(configs.field_docs(cls))
    assert not undocumented, f"fields without a docstring: {undocumented}"
    with pytest.raises(ValueError, match="does not exist"):
        configs.from_dict(cls, {"no_such_field": 1})


@pytest.mark.parametrize(("kind", "name"), DERIVED)
def test_what_is_derived_is_made_of_its_source(kind: str, name: str) -> None:
    cls, source = registry.load(kind, name), registry.load(registry.DERIVED[kind][0], name)
    assert issubclass(cls, INTERFACES[kind])
    assert registry.name_of(cls) == name
    config = cls.Config()
    assert config.task == source.Config()
    assert configs.from_dict(cls.Config, configs.to_dict(config)) == config
    assert configs.from_dict(cls.Config, yaml.safe_load(configs.documented_yaml(config))) == config
    assert set(configs.to_dict(config)) - set(configs.field_docs(cls.Config)) == {"task"}


@pytest.mark.parametrize("name", registry.names("models"))
def test_defaults_a_model_brings_exist(name: str) -> None:
    cls = registry.load("models", name)
    configs.from_dict(TrainConfig, cls.training_defaults, "train")
    objective = registry.load("objectives", cls.default_objective)
    configs.from_dict(objective.Config, cls.objective_defaults, "objective")
    assert cls.default_rule in registry.names("learning_rules")


def test_training_options_round_trip() -> None:
    config = TrainConfig(learning_rate=1e-3, max_cpu_s=2.5)
    assert configs.from_dict(TrainConfig, yaml.safe_load(configs.documented_yaml(config))) == config
    assert set(configs.to_dict(config)) == set(configs.field_docs(TrainConfig))
