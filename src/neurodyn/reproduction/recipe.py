"""A recipe: one experiment as data. The same file is what `neurodyn fit` takes and an arm of a study."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurodyn.comparison.looks import SimilarityTo
from neurodyn.config import check_range, from_dict, to_dict
from neurodyn.errors import InvalidInput
from neurodyn.reproduction import recipe_file

if TYPE_CHECKING:
    from neurodyn.training.plan import Plan

_OF_A_RUN = ("layout", "spec")
"""Keys of a run's `config.yaml` that a recipe does not need."""


@dataclass(frozen=True)
class Quick:
    """What `neurodyn reproduce --quick` changes of a recipe, so that a study takes minutes."""

    data: dict[str, Any] = field(default_factory=dict)
    """Options of the data set."""
    model_config: dict[str, Any] = field(default_factory=dict)
    """Fields of the model's config."""
    train: dict[str, Any] = field(default_factory=dict)
    """Fields of the training's config."""
    similarity: dict[str, Any] = field(default_factory=dict)
    """Fields of `evaluate.similarity`."""
    trials: int | None = None
    """Most trials of each split, spread evenly over the session; by default all."""
    skip: bool = False
    """Leave the arm out of `--quick`, unless it is the one that was asked for."""

    def __post_init__(self) -> None:
        if self.trials is not None:
            check_range("recipe.quick.trials", self.trials, 1)

    @property
    def changes(self) -> tuple[str, ...]:
        """Names of what it changes; none where quick and full are the same."""
        groups = ("data", "model_config", "train", "similarity")
        found = tuple(f"{group}.{name}" for group in groups for name in getattr(self, group))
        return found if self.trials is None else (*found, "trials")


@dataclass(frozen=True)
class Scoring:
    """How `neurodyn reproduce` scores the arm's runs."""

    privileged: bool = False
    """Hand a teacher the behaviour of the test trials too: a reference, not what can be had without behaviour. Tables and report say so."""
    reported_only: bool = False
    """Measure what the study reports of the arm and nothing else: of many measures, some take long."""
    latents: bool = True
    """Keep the latents of the test trials in the runs' `outputs.h5`: those of many units over many trials take much room."""
    gradients: bool = False
    """Compare the rule's gradients with those of back-propagation through time at every kept step, for the study's page."""
    similarity: SimilarityTo | None = None
    """Compare the network's activity with a recording, at every kept step and at the end."""


@dataclass(frozen=True)
class Recipe:
    """What to train on what: the fields of a recipe, which are those of a run's `config.yaml`."""

    model: str
    """Registered name."""
    data: dict[str, Any]
    """`source` (a data set's name, or a file) and `options`."""
    model_config: dict[str, Any] = field(default_factory=dict)
    """Fields of the model's config that differ from its defaults."""
    objective: str | None = None
    """Name of the objective; by default the model's own."""
    objective_config: dict[str, Any] = field(default_factory=dict)
    """Fields of the objective's config that differ from its defaults."""
    rule: str | None = None
    """Learning rule; by default the model's own."""
    rule_config: dict[str, Any] = field(default_factory=dict)
    """Fields of the rule's config that differ from its defaults."""
    train: dict[str, Any] = field(default_factory=dict)
    """Fields of the training's config that differ from the model's defaults."""
    seed: int = 0
    """Seed of the run, or of the first of several."""
    teacher: tuple[str, ...] = ()
    """Recipes of the same folder whose runs teach this one: `neurodyn reproduce` trains them first, with the same seed. The objective is then `distill` by default."""
    new_data: bool = False
    """Whether `neurodyn reproduce` draws simulated data anew for every run: their option `seed` is then the run's. Without it, all runs of an arm are on the same trials."""
    seeded: tuple[str, ...] = ()
    """Fields of the model's config that `neurodyn reproduce` sets to the run's seed, for models that can start from published seeds."""
    unlabelled: float = 0.0
    """Share of the training trials whose held-out units' counts `neurodyn reproduce` withholds, forward bins included: the setting in which behaviour can be worth most."""
    evaluate: Scoring = Scoring()
    """How `neurodyn reproduce` scores it."""
    quick: Quick = Quick()
    """What `neurodyn reproduce --quick` changes; `neurodyn fit` takes no notice of it."""

    def __post_init__(self) -> None:
        check_range("recipe.unlabelled", self.unlabelled, 0, 1, open_high=True)
        if self.teacher and "teacher" in self.objective_config:
            raise InvalidInput("recipe.objective_config.teacher", "runs beside `teacher`, which names recipes", "one")
        object.__setattr__(
            self, "objective", recipe_file.objective_of({"objective": self.objective, "teacher": self.teacher})
        )

    @staticmethod
    def read(path: Path) -> Recipe:
        """A recipe's file; a run's `config.yaml` is one too. With `like: NAME` it has the fields of that recipe of its folder, its own over them.

        Raises:
            MissingData: no such file.
            InvalidInput: not YAML, a field that does not exist, or no model or data; recipes that are `like` one another in a circle.
        """
        found = recipe_file.read(path)
        if not {"model", "data"} <= set(found):
            raise InvalidInput("recipe", str(path), "a mapping with at least `model` and `data`", "See recipes/.")
        values = {name: value for name, value in found.items() if name not in _OF_A_RUN}
        if values.get("rule_config", {}) is None:  # a run's, of a rule without options
            del values["rule_config"]
        if not isinstance(values["data"], Mapping) or "source" not in values["data"]:
            raise InvalidInput(
                "recipe.data", values["data"], "a data set's name, or a mapping with `source` and `options`"
            )
        return from_dict(Recipe, values, "recipe")

    @property
    def source(self) -> str:
        """The data set's name, or the file."""
        return str(self.data["source"])

    @property
    def options(self) -> dict[str, Any]:
        """Options of the data set."""
        return dict(self.data.get("options") or {})

    def quickened(self) -> Recipe:
        """The recipe with what `quick` changes, its limit of trials apart."""
        return dataclasses.replace(
            self,
            data={**self.data, "options": {**self.options, **self.quick.data}},
            model_config={**self.model_config, **self.quick.model_config},
            train={**self.train, **self.quick.train},
            evaluate=self._quickly_evaluated(),
        )

    def _quickly_evaluated(self) -> Scoring:
        to = self.evaluate.similarity
        if not self.quick.similarity:
            return self.evaluate
        if to is None:
            raise InvalidInput("recipe.quick.similarity", "fields", "none without evaluate.similarity")
        fields = {**to_dict(to), **self.quick.similarity}
        return dataclasses.replace(self.evaluate, similarity=from_dict(SimilarityTo, fields, "recipe.quick.similarity"))

    def drawn_for(self, seed: int) -> Recipe:
        """The recipe of one run: with data of its own, where they are drawn anew, and the run's seed in fields that take it."""
        options = {**self.options, "seed": seed} if self.new_data else self.options
        config = {**self.model_config, **dict.fromkeys(self.seeded, seed)}
        return dataclasses.replace(self, data={**self.data, "options": options}, model_config=config)

    def taught_by(self, runs: Sequence[Path]) -> Recipe:
        """The recipe with the folders of its teachers' runs in place of their names."""
        config = {**self.objective_config, "teacher": [str(run) for run in runs]}
        return dataclasses.replace(self, objective_config=config, teacher=())

    def plan(self, seed: int | None = None) -> Plan:
        """Everything that decides the training, with every default filled in.

        Raises:
            UnknownName: no such model, objective or rule.
            InvalidInput: a field that does not exist, or a value it cannot take.
        """
        from neurodyn.training.plan import Plan

        return Plan.of(
            self.model,
            self.model_config,
            self.named_objective(),
            self.named_rule(),
            self.train,
            self.seed if seed is None else seed,
        )

    def named_rule(self) -> dict[str, Any]:
        """The learning rule as `neurodyn.fit` takes it."""
        return {**({"name": self.rule} if self.rule else {}), **self.rule_config}

    def named_objective(self) -> dict[str, Any]:
        """The objective as `neurodyn.fit` takes it: `{"name": ..., field: value}`; teachers are named until `taught_by` gives their runs."""
        taught = {"teacher": list(self.teacher)} if self.teacher else {}
        return {**({"name": self.objective} if self.objective else {}), **self.objective_config, **taught}
