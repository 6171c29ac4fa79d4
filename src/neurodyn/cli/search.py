"""Search a model's hyperparameters on data: population-based training or random search; the best run can be evaluated like any other.

usage: neurodyn search MODEL DATA [--algorithm population|random] [--population 20] [--space space.yaml] [--vary model.dropout=uniform(0,0.6)]
                       [--workers N] [--out DIR] [--resume] [--json] [--model.* --data.* --train.* --objective.* --seed N]
       neurodyn search recipe.yaml [overrides]
"""

from __future__ import annotations

import dataclasses
import math
import shlex
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurodyn import registry
from neurodyn.cli._data import data_name, load_options
from neurodyn.cli._options import documented
from neurodyn.cli.fit import Asked, asked_for
from neurodyn.config import field_docs
from neurodyn.errors import InvalidInput
from neurodyn.search.config import SearchConfig

if TYPE_CHECKING:
    from neurodyn.search.study import Study


def run(arguments: Sequence[str]) -> None:
    """Searches, prints the members at the end of it and says where the best run is."""
    asked = asked_for("search", __doc__ or "", arguments, _flags())
    if asked is None:
        return
    options = asked.options
    registry.load("engines", options.engine)
    name = f"search_{options.algorithm}_seed{options.seed}"
    out = options.out or Path("runs", data_name(asked.source), asked.recipe.model, name)
    space = _space(options.space, options.vary)
    try:
        study = _searched(asked, space, out)
    except KeyboardInterrupt:
        again = shlex.join(["neurodyn", "search", *(a for a in arguments if a != "--resume"), "--resume"])
        raise KeyboardInterrupt(f"What was searched is in {out}. Continue with: {again}") from None
    _tell(study, asked)


def _flags() -> dict[str, tuple[Any, Any]]:
    """The options a search has besides those of a fit."""
    hints, docs = typing.get_type_hints(SearchConfig), field_docs(SearchConfig)
    defaults = SearchConfig()
    engines = ", ".join(registry.names("engines"))
    return {
        **{f.name: (documented(hints[f.name], docs[f.name]), getattr(defaults, f.name)) for f in dataclasses.fields(SearchConfig)},
        "space": (documented(Path | None, "YAML file of what to vary, `field: distribution`; by default the model's own space, or only what --vary says."), None),
        "vary": (documented(tuple[str, ...], "One more field to vary, e.g. model.dropout=uniform(0,0.6) or train.learning_rate=log_uniform(1e-4,1e-2); may be repeated."), ()),
        "engine": (documented(str, f"Where members train ({engines})."), "local"),
        "workers": (documented(int | None, "Members at a time, each in a process with one thread; by default one a core."), None),
        "seed": (documented(int, "Of the draws; member i trains with seed + i."), 0),
        "out": (documented(Path | None, "The study's folder; by default runs/<data>/<model>/search_<algorithm>_seed<N>."), None),
    }  # fmt: skip


def _space(file: Path | None, vary: Sequence[str]) -> Mapping[str, Any] | None:
    """What to vary: the file's fields with those of --vary, or None for the model's own space."""
    if file is None and not vary:
        return None
    from neurodyn.search.space import Space

    found: dict[str, Any] = {} if file is None else {dimension.name: dimension for dimension in Space.of(file)}
    for each in vary:
        name, sign, distribution = each.partition("=")
        if not sign:
            raise InvalidInput(
                "--vary", each, "a field and its distribution", "For example model.dropout=uniform(0,0.6)."
            )
        found[name.strip()] = distribution
    return found


def _searched(asked: Asked, space: Mapping[str, Any] | None, out: Path) -> Study:
    from neurodyn import api
    from neurodyn.cli._console import working
    from neurodyn.search.run import search

    options = asked.options
    with working(f"Loading {asked.source} ..."):
        trials = api.load(asked.source, **load_options(options.data))
    settings = {field.name: getattr(options, field.name) for field in dataclasses.fields(SearchConfig)}
    return search(
        asked.recipe.model,
        trials,
        out=out,
        space=space,
        engine=options.engine,
        workers=options.workers,
        **settings,
        **asked.fitted_with,
    )


def _tell(study: Study, asked: Asked) -> None:
    from rich.table import Table

    from neurodyn.cli._console import console, print_json

    winner, lineage = study.winner, study.lineage
    if asked.options.json:
        print_json(
            {
                "study": str(study.path),
                "best": str(study.best),
                "model": asked.recipe.model,
                "data": asked.source,
                "seed": asked.options.seed,
                "member": winner.member,
                "score": winner.score,
                "best_score": winner.best_score,
                "generations": lineage.generations,
                "values": winner.values,
                "schedule": [dataclasses.asdict(stretch) for stretch in study.schedule],
            }
        )
        return
    table = Table(title=f"{study.path}: members at their end, best first", title_justify="left")
    for heading in ("member", "epoch", "smoothed score", "score of the weights kept", "ended"):
        table.add_column(heading, justify="right" if "score" in heading else "left")
    last = {row.member: row for row in lineage.rows}.values()
    by_score = sorted(
        last, key=lambda row: (row.member != winner.member, row.failed, 0.0 if row.failed else -row.score)
    )
    for row in by_score:
        epoch = "" if row.epoch is None else str(row.epoch)
        numbers = ["" if math.isnan(number) else f"{number:.4f}" for number in (row.score, row.best_score)]
        table.add_row(f"{row.member:03d}", epoch, *numbers, row.ended.partition(":")[0])
    console().print(table)
    values = [
        f"  {name}: {value:.4g}" if isinstance(value, float) else f"  {name}: {value}"
        for name, value in winner.values.items()
    ]
    told = [f"Values of member {winner.member:03d} at its end:", *values, f"All values: {study.path / 'lineage.csv'}"]
    console().print(
        "\n".join([*told, f"Next: neurodyn evaluate {study.best}"]), highlight=False, markup=False, soft_wrap=True
    )
