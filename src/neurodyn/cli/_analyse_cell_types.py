"""`neurodyn analyse --cell-types`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from neurodyn.errors import InvalidInput

if TYPE_CHECKING:
    from neurodyn.cli.analyse import Options


def cell_types(options: Options) -> dict[str, Any]:
    """Cell types told from the embeddings of neurons."""
    from neurodyn import assessment
    from neurodyn.analysis.cell_types import classify_cell_types
    from neurodyn.analysis.fixed_points import KEPT
    from neurodyn.cli._console import console, print_scores, working
    from neurodyn.data.writing import folder_made, written_whole
    from neurodyn.estimator import Estimator
    from neurodyn.training.partition import groups

    estimator = Estimator.load(options.run)
    (first, _), *later = groups(estimator.data_, [s.name for s in estimator.model_.spec.sessions])
    if not later:
        fix = "Add sessions of other neurons first: neurodyn adapt RUN DATA."
        raise InvalidInput("run", "no session that joined it", "sessions to test on", fix)
    with working(f"Loading the data of {options.run} ..."):
        parts = assessment.parts_of(estimator)
    begun = [t for t in parts.train if t.session in first]
    joined = [t for t in parts.train if t.session not in first]
    train = {} if options.epochs is None else {"epochs": options.epochs}
    scores = classify_cell_types(estimator, begun, joined, train=train, seed=options.seed)
    written = {"run": str(options.run), "seed": options.seed, "scores": [score.as_mapping() for score in scores]}
    folder = options.out or (options.run / KEPT).parent
    with folder_made(folder), written_whole(folder / "cell_types.json") as beside:
        beside.write_text(json.dumps(written, indent=2, allow_nan=False))
    if options.json:
        return written
    print_scores(scores, f"Cell types of {options.run}")
    console().print(f"scores: {folder / 'cell_types.json'}", highlight=False, soft_wrap=True)
    return written
