"""Train a model on data, or as a recipe says, into a run's folder; resumes after an interruption.

usage: neurodyn fit MODEL DATA [--model.* --data.* --train.* --objective.* --rule R --rule.* --seed N --out DIR --resume --json]
       neurodyn fit recipe.yaml [overrides]
"""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from neurodyn import registry
from neurodyn.cli._data import data_name, data_options, load_options
from neurodyn.cli._options import (
    Flag,
    as_mapping,
    documented,
    flags,
    made,
    parse,
    part_flags,
    taken,
    taken_parts,
    with_parts,
)
from neurodyn.config import from_dict, to_dict
from neurodyn.errors import InvalidInput
from neurodyn.reproduction.recipe import Recipe


def run(arguments: Sequence[str]) -> None:
    """Fits the model and says where the run is."""
    asked = asked_for("fit", __doc__ or "", arguments)
    if asked is not None:
        fit("fit", arguments, asked, asked.recipe.model)


@dataclass(frozen=True)
class Asked:
    """What to train on what, as typed after a verb."""

    recipe: Recipe
    source: str
    """The data set's name, or a file."""
    options: Any
    """Every flag."""
    fitted_with: dict[str, Any]
    """What `neurodyn.fit` and `neurodyn.search` take besides the trials: the objective, the training, the rule, the seed, the fields of the model."""


def asked_for(
    verb: str, usage: str, arguments: Sequence[str], extra: Mapping[str, tuple[Any, Any]] | None = None
) -> Asked | None:
    """Reads MODEL DATA, or a recipe, and the flags they bring; prints the general help and returns None where that is all that was wanted.

    Args:
        verb: what was typed, with what stands before MODEL DATA.
        usage: of the general help.
        arguments: what was typed after the verb.
        extra: `(annotation, default)` of each option the verb has of its own, or documents in its own way.
    """
    given = list(arguments)
    recipe = _recipe(given, verb, usage)
    if recipe is None:
        return None
    if recipe.unlabelled:
        fix = "`neurodyn reproduce FOLDER/ARM` withholds them."
        raise InvalidInput("recipe.unlabelled", recipe.unlabelled, "a recipe of whole trials", fix)
    if recipe.teacher:
        if "--objective.teacher" not in given and not {"-h", "--help"} & set(given):
            fix = "`neurodyn reproduce FOLDER/ARM` trains its teacher and then it; `neurodyn distill TEACHER_RUN recipe.yaml` takes a run you have."
            raise InvalidInput("recipe.teacher", ", ".join(recipe.teacher), "a recipe without a teacher", fix)
        recipe = dataclasses.replace(recipe, teacher=())
    chosen = taken(given, "--objective")
    if chosen not in (None, recipe.objective):
        recipe = _with_objective(recipe, chosen)
    source = str(recipe.data["source"])
    model = registry.load("models", recipe.model)
    parts = taken_parts(given, model.Config, "--model.")
    recipe = dataclasses.replace(recipe, model_config={**recipe.model_config, **parts})
    model_config = _complete(model.Config, recipe.model_config, "model")
    objective = recipe.objective or model.default_objective
    goal = registry.load("objectives", objective)
    parts = taken_parts(given, goal.Config, "--objective.")
    brought = {**goal.brought_by(model), **recipe.objective_config, **parts}
    objective_config = _complete(goal.Config, brought, "objective")
    rule = taken(given, "--rule") or recipe.rule or model.default_rule
    way = registry.load("learning_rules", rule).Config
    rule_config = None
    if way is not None:
        rule_config = _complete(way, recipe.rule_config if rule == recipe.rule else {}, "rule")
    shown = {
        "rule_name": _named("rule", "learning_rules", rule),
        "objective_name": _named("objective", "objectives", objective),
    }
    options: Any = _options(
        recipe, source, model_config, objective_config, rule_config, given, verb, {**shown, **(extra or {})}
    )
    fitted_with = {
        "rule": {"name": rule, **({} if rule_config is None else as_mapping(rule_config, options.rule))},
        "objective": {"name": objective, **as_mapping(objective_config, options.objective)},
        "seed": options.seed,
        "train": options.train,
        "resume": options.resume,
        **as_mapping(model_config, options.model),
    }
    return Asked(recipe, source, options, fitted_with)


def _recipe(given: list[str], verb: str, usage: str) -> Recipe | None:
    """Takes MODEL DATA, or the recipe's path, off the front of the arguments."""
    names: list[str] = []
    while given and not given[0].startswith("-") and len(names) < 2:
        names.append(given.pop(0))
        if names[0].endswith((".yaml", ".yml")):
            return Recipe.read(Path(names[0]))
    if len(names) == 2:
        registry.load("models", names[0])
        return Recipe(model=names[0], data={"source": names[1]})
    if {"-h", "--help"} & set(given):
        print(usage)
        print(
            f"models:    {', '.join(registry.names('models'))}\ndata sets: {', '.join(registry.names('datasets'))}, or a file"
        )
        print(f"`neurodyn {verb} MODEL DATA --help` lists every option of the two.")
        return None
    missing = "DATA" if names else "MODEL"
    expected = f"neurodyn {verb} MODEL DATA, or neurodyn {verb} recipe.yaml"
    raise InvalidInput(missing, "nothing", expected, f"See `neurodyn {verb.split()[0]} --help`.")


def _with_objective(recipe: Recipe, objective: str) -> Recipe:
    """The recipe with another objective; a student keeps the one it had as its own loss."""
    config: dict[str, Any] = {}
    if objective == "distill" and recipe.objective is not None:
        config = {"base": {"name": recipe.objective, **recipe.objective_config}}
    return dataclasses.replace(recipe, objective=objective, objective_config=config)


def _named(flag: str, kind: str, chosen: str) -> tuple[Any, str]:
    """A flag that was taken off the arguments already, as the help shows it."""
    text = f"Name of the {registry.singular(kind)}: {', '.join(registry.names(kind))}."
    return Annotated[str, tyro.conf.arg(name=flag, help=text)], chosen


def _complete(kind: type[Any], values: Mapping[str, Any], where: str) -> Any:
    """A config with the values given over its defaults."""
    return from_dict(kind, {**to_dict(kind()), **values}, where)


def _options(
    recipe: Recipe,
    source: str,
    model_config: Any,
    objective_config: Any,
    rule_config: Any,
    given: list[str],
    verb: str,
    extra: Mapping[str, tuple[Any, Any]],
) -> Any:
    """The flags of this model, data, objective, rule and of training, with the recipe's values as defaults."""
    from neurodyn.training.config import TrainConfig

    model = registry.load("models", recipe.model)
    fields: dict[str, tuple[Any, Any]] = {
        "seed": (documented(int, "Of initial weights, batches and noise."), recipe.seed),
        "out": (documented(Path | None, "The run's folder; by default runs/<data>/<model>/seed<N>."), None),
        "resume": (documented(Flag, "Continue the run in --out."), False),
        "json": (documented(Flag, "One JSON object on stdout."), False),
        "model": with_parts(model_config),
        "data": data_options(source, recipe.data, given),
        "train": with_parts(_complete(TrainConfig, {**model.training_defaults, **recipe.train}, "train")),
        "objective": with_parts(objective_config),
        **({} if rule_config is None else {"rule": with_parts(rule_config)}),
        **extra,
    }
    kind = made(verb.split()[0], fields)
    named = [*part_flags(model.Config, "--model."), *part_flags(type(objective_config), "--objective.")]
    return parse(
        kind, given, f"neurodyn {verb} {recipe.model} {source}", [*flags(kind), "--objective", "--rule", *named]
    )


def fit(verb: str, arguments: Sequence[str], asked: Asked, name: str, **told: Any) -> None:
    """Fits what was asked for and says where the run is.

    Args:
        verb, arguments: what was typed, for the command that goes on after Ctrl-C.
        asked: what it means.
        name: of the default folder, beside those of the data and the seed.
        told: what `--json` says besides.
    """
    options = asked.options
    out = options.out or Path("runs", data_name(asked.source), name, f"seed{options.seed}")
    try:
        _fit(asked, out, told)
    except KeyboardInterrupt:
        again = shlex.join(["neurodyn", verb, *(a for a in arguments if a != "--resume"), "--resume"])
        raise KeyboardInterrupt(f"What was trained is in {out}. Continue with: {again}") from None


def _fit(asked: Asked, out: Path, told: Mapping[str, Any]) -> None:
    from neurodyn import api
    from neurodyn.cli._console import console, print_json, working

    recipe, source, options = asked.recipe, asked.source, asked.options
    with working(f"Loading {source} ..."):
        trials = api.load(source, **load_options(options.data))
    fitted = api.fit(recipe.model, trials, out=out, **asked.fitted_with)
    if fitted.run_ is None:  # of several processes the first says it
        return
    ended = fitted.fitted_
    if options.json:
        found = {"run": str(out), "model": recipe.model, "data": source, "seed": options.seed, **told}
        print_json({**found, "valid_score": ended.best_score, "epochs": ended.epochs, "cpu_s": round(ended.cpu_s, 2)})
    else:
        length = f"{ended.epochs} epoch{'s' if ended.epochs != 1 else ''}, {ended.cpu_s:.0f} CPU seconds"
        how = f"validation score {ended.best_score:.4f} after {length}"
        withheld = getattr(options.data, "phase", None) == "test"  # of the benchmark: there is nothing to evaluate
        then = f"neurodyn submit {out} -o submission.h5" if withheld else f"neurodyn evaluate {out}"
        console().print(f"run: {out} ({how})\nNext: {then}", highlight=False, soft_wrap=True)
