"""Everything that decides a training except the data: what `config.yaml` records and a model is rebuilt from."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import torch

from neurodyn import config as configs
from neurodyn import registry
from neurodyn.config import check_range
from neurodyn.data.spec import DataSpec
from neurodyn.errors import InvalidInput
from neurodyn.learning.base import LearningRule
from neurodyn.models.base import Model
from neurodyn.objectives.base import Objective
from neurodyn.objectives.distill import Distill, DistillConfig
from neurodyn.training.config import TrainConfig
from neurodyn.training.keys import Stream, key
from neurodyn.training.naming import model_class, model_name
from neurodyn.training.teachers import teachers


@dataclass(frozen=True)
class Plan:
    """Names and configs of the model, the objective and the rule, the training and the seed."""

    model: str
    """Registered name, or `module:Class`."""
    model_config: Any
    """The model's config."""
    objective: str
    objective_config: Any
    rule: str
    train: TrainConfig
    seed: int = 0
    rule_config: Any = None
    """The rule's config; None for a rule without options."""

    @staticmethod
    def of(
        model: str | type[Model],
        model_config: Mapping[str, Any] | None = None,
        objective: str | Mapping[str, Any] | None = None,
        rule: str | Mapping[str, Any] | None = None,
        train: TrainConfig | Mapping[str, Any] | None = None,
        seed: int = 0,
    ) -> Plan:
        """What was asked for, over the model's own defaults.

        Args:
            model: registered name or class.
            model_config: fields of its config.
            objective: name, or a mapping with `name` and fields of its config.
            rule: name of the learning rule, or a mapping with `name` and fields of its config.
            train: a whole `TrainConfig`, or the fields that differ from the model's defaults.
            seed: at least 0.

        Raises:
            UnknownName: no such model, objective or rule.
            InvalidInput: a field that does not exist (the nearest is suggested) or a value it cannot take.
        """
        if isinstance(seed, bool) or not isinstance(seed, Integral):
            raise InvalidInput("seed", repr(seed), "a whole number")
        check_range("seed", int(seed), 0)
        cls = model_class(model)
        asked = {"name": objective} if isinstance(objective, str) else dict(objective or {})
        name = asked.pop("name", None) or cls.default_objective
        objective_class = registry.load("objectives", name)
        brought = objective_class.brought_by(cls)
        told = {"name": rule} if isinstance(rule, str) else dict(rule or {})
        rule = told.pop("name", None) or cls.default_rule
        rule_config = _rule_config(rule, told)
        if not registry.load("learning_rules", rule).iterative and issubclass(objective_class, Distill):
            fix = "Only models that are trained by gradients can be students."
            raise InvalidInput("objective", f"{name} with the rule {rule}", "a rule of gradients", fix)
        if not isinstance(train, TrainConfig):
            train = configs.from_dict(TrainConfig, {**cls.training_defaults, **(train or {})}, "train")
        return Plan(
            model=model_name(model),
            model_config=configs.from_dict(cls.Config, model_config or {}, "model"),
            objective=name,
            objective_config=configs.from_dict(objective_class.Config, {**brought, **asked}, "objective"),
            rule=rule,
            train=train,
            seed=int(seed),
            rule_config=rule_config,
        )

    def as_mapping(self) -> dict[str, Any]:
        """As plain mappings, for `config.yaml`."""
        return configs.to_dict(self)

    def record(self, data: Mapping[str, Any], spec: DataSpec) -> dict[str, Any]:
        """What a run's `config.yaml` says: the plan, where the trials came from, and their sizes."""
        return {**self.as_mapping(), "data": dict(data), "spec": spec.as_mapping()}

    @staticmethod
    def from_mapping(values: Mapping[str, Any]) -> Plan:
        """The inverse of `as_mapping`; other keys are left alone.

        Raises:
            InvalidInput: a key is missing, or a field does not exist (a config of another version).
        """
        optional = ("rule_config",)  # configs of earlier versions have none
        names = [field.name for field in dataclasses.fields(Plan) if field.name not in optional]
        missing = [name for name in names if name not in values]
        if missing:
            raise InvalidInput("config.yaml", f"no {missing[0]}", "a config written by neurodyn")
        cls = model_class(values["model"])
        objective = registry.load("objectives", values["objective"])
        return Plan(
            model=values["model"],
            model_config=configs.from_dict(cls.Config, values["model_config"], "model"),
            objective=values["objective"],
            objective_config=configs.from_dict(objective.Config, values["objective_config"], "objective"),
            rule=values["rule"],
            train=configs.from_dict(TrainConfig, values["train"], "train"),
            seed=values["seed"],
            rule_config=_rule_config(values["rule"], values.get("rule_config") or {}),
        )

    def build_model(self, spec: DataSpec) -> Model:
        """The model with the initial weights of this seed; the global generator is left as it was."""
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(key(self.seed, Stream.WEIGHTS))
            model: Model = model_class(self.model)(self.model_config, spec)
        return model

    def build_objective(self, model: Model) -> Objective:
        """The objective for a model, with its teachers; the global generator is left as it was.

        Raises:
            MissingData: a teacher's run is not there.
            InvalidInput: a teacher that cannot teach this model.
        """
        found: Objective = registry.load("objectives", self.objective)(self.objective_config, model)
        if isinstance(found, Distill) and found.config.teaches:
            with torch.random.fork_rng(devices=[]):
                torch.default_generator.manual_seed(key(self.seed, Stream.WEIGHTS, 2))
                found.taught_by(teachers(found.config))
        return found

    def untaught(self) -> Plan:
        """The same with the student's own objective in place of distillation: for whatever needs no teacher any more."""
        if not isinstance(self.objective_config, DistillConfig):
            return self
        base = Distill.alone(self.objective_config, model_class(self.model))
        return dataclasses.replace(self, objective=registry.name_of(type(base)), objective_config=base)

    def build_rule(self) -> LearningRule:
        """The learning rule."""
        found: LearningRule = registry.load("learning_rules", self.rule)(self.rule_config)
        return found

    @property
    def named_rule(self) -> dict[str, Any]:
        """The rule as `fit` takes it: `{"name": ..., field: value}`."""
        return {"name": self.rule, **({} if self.rule_config is None else configs.to_dict(self.rule_config))}


def _rule_config(rule: str, values: Mapping[str, Any]) -> Any:
    """The config of a rule; None for one without options."""
    kind = registry.load("learning_rules", rule).Config
    if kind is not None:
        return configs.from_dict(kind, values, "rule")
    if values:
        raise InvalidInput(f"rule.{next(iter(values))}", "an option", f"none: {rule} has no options")
    return None
