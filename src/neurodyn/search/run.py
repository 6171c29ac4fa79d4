"""The verb: a model, trials and a space in; a study's folder with its best run out."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from neurodyn import config as configs
from neurodyn import registry
from neurodyn.data.batch import Batch
from neurodyn.data.spec import DataSpec
from neurodyn.engines.base import Engine
from neurodyn.errors import InvalidInput, UnknownName
from neurodyn.estimator import Data, Estimator
from neurodyn.models.base import Model
from neurodyn.search.config import SearchConfig, ramp_epochs
from neurodyn.search.dimension import Dimension
from neurodyn.search.member import keep
from neurodyn.search.progress import SearchBar
from neurodyn.search.space import Space, varied
from neurodyn.search.spaces import SPACES
from neurodyn.search.study import Study
from neurodyn.search.team import MembersFailed, Team
from neurodyn.training.batches import check_batch_size
from neurodyn.training.config import TrainConfig
from neurodyn.training.partition import Parts, origin, partition
from neurodyn.training.plan import Plan

_SCALES = "objective.kl_scales."


def search(
    model: str | type[Model],
    trials: Data,
    *,
    out: str | Path,
    space: Mapping[str, Any] | str | Path | Space | None = None,
    algorithm: str = "population",
    population: int = 20,
    generations: int | None = None,
    generation_epochs: int = 25,
    burn_in_epochs: int | None = None,
    early_stopping: str = "halving",
    engine: str | Engine = "local",
    workers: int | None = None,
    valid: Data | None = None,
    rule: str | Mapping[str, Any] | None = None,
    objective: str | Mapping[str, Any] | None = None,
    seed: int = 0,
    train: TrainConfig | Mapping[str, Any] | None = None,
    resume: bool = False,
    progress: bool = True,
    bin_s: float | None = None,
    **config: Any,
) -> Study:
    """Hyperparameters of a model on trials, found by population-based training or random search; the best run is `out/best`.

    Members train on the same trials with seeds of their own and are compared by validation score. A member that diverges or whose process dies is
    replaced by a copy of a better one (`population`) or left out (`random`). Sources: Keshtkaran et al. 2022, doi:10.1038/s41592-022-01675-0;
    Jaderberg et al. 2017, arXiv:1711.09846.

    Args:
        model, trials, valid, rule, objective, train, bin_s, config: as for `fit`; what is not searched. Of `train`, `population` sets `schedule` to
            constant and `epochs`, `patience` and `max_cpu_s` to the search's length, and no best weights count before the ramps end.
        out: the study's folder.
        space: `{field: distribution}` or its YAML file; by default the model's own.
        algorithm, population, generations, generation_epochs, burn_in_epochs, early_stopping: see `SearchConfig`.
        engine: where members train: a registered name, or an engine.
        workers: members at a time; by default one a core.
        seed: of the draws; member i trains with seed + i.
        resume: go on with a search begun in `out`; it ends as if it had not been interrupted.
        progress: draw a progress bar on stderr.

    Raises:
        UnknownName: no such model, objective, rule or engine.
        InvalidInput: a space that does not fit the model, a used folder, data that cannot be used.
        MembersFailed: every member failed; its message has the first traceback.
    """
    asked = configs.from_dict(
        SearchConfig,
        {
            "algorithm": algorithm,
            "population": population,
            "generations": generations,
            "generation_epochs": generation_epochs,
            "burn_in_epochs": burn_in_epochs,
            "early_stopping": early_stopping,
        },
        "search",
    )
    plan = Plan.of(model, config, objective, rule, train, seed)
    if asked.algorithm == "population" and not plan.build_rule().iterative:
        raise InvalidInput("algorithm", f"population for {plan.model}", "random: it is solved for in closed form")
    sessions = Estimator(model, bin_s=bin_s)
    parts = partition(sessions.as_trials(trials), None if valid is None else sessions.as_trials(valid), seed)
    check_batch_size(plan.train.batch_size, parts.train, plan.train.sessions == "in_turn")
    spec = DataSpec.of(parts.train)
    found = _space(space, plan, spec, parts)
    if asked.algorithm == "population":
        _check_copies(found, plan, spec)
    _check_comparable(found, plan)
    own = registry.load("engines", engine)(workers) if isinstance(engine, str) else contextlib.nullcontext(engine)
    data = {**origin(parts), "split_seed": seed}
    resolved = asked.resolved(plan.objective_config)
    study = Study.create(
        out,
        {
            "search": configs.to_dict(resolved),
            "plan": plan.as_mapping(),
            "space": found.as_mapping(),
            "data": data,
        },
        resume=resume,
    )
    rows = len(study.lineage.rows)
    for left in study.path.glob(".data-*"):
        shutil.rmtree(left)
    kept = Path(tempfile.mkdtemp(prefix=".data-", dir=study.path)).resolve()
    try:
        keep(parts, kept)
        with own as running, SearchBar(progress) as bar:
            record = {"data": data, "spec": spec.as_mapping()}
            team = Team(study, resolved, _of_members(plan, resolved), found, record, kept, running, bar)
            team.population() if resolved.algorithm == "population" else team.random()
    except MembersFailed:
        if not study.lineage.rows:
            shutil.rmtree(kept)
            study.discard()
        raise
    finally:
        shutil.rmtree(kept, ignore_errors=True)
    if len(study.lineage.rows) > rows or not (study.path / "best").exists():  # else it may hold scores by now
        study.keep_best()
    return study


def _of_members(plan: Plan, config: SearchConfig) -> Plan:
    """How members train: in a population the search moves the learning rate and decides when to end."""
    if config.algorithm == "random":
        return plan
    longest = config.milestone(config.generations or 0)
    counted = max(plan.train.burn_in_epochs, ramp_epochs(plan.objective_config))
    train = dataclasses.replace(
        plan.train, schedule="constant", epochs=longest, patience=longest, max_cpu_s=None, burn_in_epochs=counted
    )
    return dataclasses.replace(plan, train=train)


def _space(given: Mapping[str, Any] | str | Path | Space | None, plan: Plan, spec: DataSpec, parts: Parts) -> Space:
    """The space that was given, or the model's own without the posteriors this model does not have.

    Raises:
        InvalidInput: a space that does not fit the plan; none was given, and the model has none.
        UnknownName: a scale of a posterior that the model does not have.
    """
    own = given is None
    if given is None:
        if plan.model not in SPACES:
            raise InvalidInput(
                "space", "none", f"what to vary: {plan.model} brings no space", "Give --space or --vary."
            )
        given = SPACES[plan.model]
    space = Space.of(given)
    if any(dimension.name.startswith(_SCALES) for dimension in space):
        known = _posteriors(plan, spec, parts)
        unknown = [d.name.removeprefix(_SCALES) for d in space if d.name.startswith(_SCALES)]
        unknown = [name for name in unknown if name not in known]
        if unknown and not own:
            raise UnknownName("posterior", unknown[0], known)
        space = Space(tuple(d for d in space if d.name.removeprefix(_SCALES) not in unknown))
    return space.checked(plan)


def _posteriors(plan: Plan, spec: DataSpec, parts: Parts) -> list[str]:
    """Names of the posteriors a model reports a KL of."""
    model = plan.build_model(spec).eval()
    with torch.no_grad():
        return list(model(Batch.of(parts.train[0], np.zeros(1, int)).observed).kl)


def _check_copies(space: Space, plan: Plan, spec: DataSpec) -> None:
    """Whether members can take over each other's weights.

    Raises:
        InvalidInput: a dimension changes the size of the network.
    """

    def shapes(dimension: Dimension, value: Any) -> dict[str, Any]:
        state = varied(plan, {dimension.name: value}).build_model(spec).state_dict()
        return {name: tuple(tensor.shape) for name, tensor in state.items()}

    for dimension in space:
        if dimension.name.startswith("model.") and any(
            shapes(dimension, value) != shapes(dimension, dimension.values[0]) for value in dimension.values[1:]
        ):
            raise InvalidInput(
                dimension.name,
                "a field that changes the network's weights",
                "one that members can differ in and still copy each other's weights",
                "Search it with --algorithm random.",
            )


def _check_comparable(space: Space, plan: Plan) -> None:
    """Whether scores compare.

    Raises:
        InvalidInput: the objective is searched and is also what members are compared by.
    """
    searched = [dimension.name for dimension in space if dimension.name.startswith("objective.")]
    if searched and plan.train.select == "loss":
        raise InvalidInput(
            searched[0],
            "a field of the objective, which is what members are compared by",
            "one that leaves the score alone",
            "Compare them by train.select unseen_bps.",
        )
