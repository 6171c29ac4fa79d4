"""Add the sessions of new data to a trained run, into a new run; only the maps of their units are trained.

usage: neurodyn adapt RUN DATA [--data.* --train.* --seed N --out DIR --json]
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from neurodyn.cli._data import data_name, data_options, load_options
from neurodyn.cli._options import Flag, documented, made, parse, with_parts
from neurodyn.config import from_dict
from neurodyn.errors import InvalidInput


def run(arguments: Sequence[str]) -> None:
    """Adapts the run and says where the new one is."""
    given = list(arguments)
    names: list[str] = []
    while given and not given[0].startswith("-") and len(names) < 2:
        names.append(given.pop(0))
    if len(names) < 2:
        if {"-h", "--help"} & set(given):
            print(__doc__)
            print("`neurodyn adapt RUN DATA --help` lists every option.")
            return
        missing = "DATA" if names else "RUN"
        raise InvalidInput(missing, "nothing", "neurodyn adapt RUN DATA", "See `neurodyn adapt --help`.")
    folder, source = Path(names[0]), names[1]
    options = _options(folder, source, given)
    out = options.out or folder.with_name(f"{folder.name}-with-{data_name(source)}")
    _adapt(folder, source, options, out)


def _options(folder: Path, source: str, given: list[str]) -> Any:
    """The flags of the data and of training, with the defaults of adapting this run's model; for help on a run that is not there, the general ones."""
    from neurodyn.training.config import TrainConfig
    from neurodyn.training.naming import model_class
    from neurodyn.training.run import Run

    general = bool({"-h", "--help"} & set(given)) and not folder.exists()
    recorded: dict[str, Any] = {"model": "lfads", "seed": 0} if general else Run.open(folder).config
    model = model_class(recorded["model"])
    defaults = from_dict(TrainConfig, {**model.training_defaults, **model.adaptation_defaults}, "train")
    fields: dict[str, tuple[Any, Any]] = {
        "seed": (documented(int, "Of the new maps and their training; by default the run's."), recorded["seed"]),
        "out": (documented(Path | None, "The new run's folder; by default <RUN>-with-<data>."), None),
        "json": (documented(Flag, "One JSON object on stdout."), False),
        "train": with_parts(defaults),
    }
    if not general:
        fields["data"] = data_options(source, recorded["data"], given)
    return parse(made("adapt", fields), given, f"neurodyn adapt {folder} {source}")


def _adapt(folder: Path, source: str, options: Any, out: Path) -> None:
    from neurodyn import api
    from neurodyn.cli._console import console, print_json, working
    from neurodyn.estimator import Estimator

    with working(f"Loading {source} ..."):
        trials = api.load(source, **load_options(options.data))
    fitted = Estimator.load(folder).adapt(trials, train=options.train, seed=options.seed, out=out)
    ended, sessions = fitted.fitted_, [session.name for session in fitted.model_.spec.sessions]
    if options.json:
        found = {"run": str(out), "from": str(folder), "data": source, "sessions": sessions, "seed": options.seed}
        print_json({**found, "valid_score": ended.best_score, "epochs": ended.epochs, "cpu_s": round(ended.cpu_s, 2)})
    else:
        how = f"sessions {', '.join(sessions)}; validation score {ended.best_score:.4f} of those that joined"
        console().print(f"run: {out} ({how})\nNext: neurodyn evaluate {out}", highlight=False, soft_wrap=True)
