"""What the runs of an arm come to in words: each statement that measures of dynamics make, with the seeds in which it holds."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from neurodyn.analysis.dynamics_measures.base import CLAIMS
from neurodyn.metrics.base import Score

CONCLUSION = "dynamics"
"""Where the context of an arm's first score with claims holds what its runs come to."""


def over_seeds(scores: Sequence[Score]) -> dict[str, dict[str, list[bool]]]:
    """The claims of one measure over its runs, `{"claims": {statement: whether it holds in each run}}`; empty where it makes none."""
    found: dict[str, list[bool]] = {}
    for score in scores:
        for statement, holds in score.context.get(CLAIMS, {}).items():
            found.setdefault(statement, []).append(bool(holds))
    return {CLAIMS: found} if found else {}


def with_claims(scores: Sequence[Score]) -> list[Score]:
    """The scores, with `context["dynamics"]` on the first one of every arm that makes claims."""
    claimed: dict[str, dict[str, list[bool]]] = {}
    for score in scores:
        claimed.setdefault(score.context["arm"], {}).update(score.context.get(CLAIMS, {}))
    found = []
    for score in scores:
        said = claimed.pop(score.context["arm"], None) if CLAIMS in score.context else None
        more = {} if said is None else {CONCLUSION: _conclusion(score.context["arm"], said)}
        found.append(dataclasses.replace(score, context={**score.context, **more}))
    return found


def _conclusion(arm: str, claims: dict[str, list[bool]]) -> dict[str, Any]:
    """`arm`, `claims`, a sentence for those that hold in every run, in none, and in some, and all of them as `sentence`."""
    groups = {
        "yes": [each for each, holds in claims.items() if all(holds)],
        "no": [each for each, holds in claims.items() if not any(holds)],
        "in some": [
            f"{each} ({sum(holds)} of {len(holds)} seeds)"
            for each, holds in claims.items()
            if any(holds) and not all(holds)
        ],
    }
    runs = max(len(holds) for holds in claims.values())
    sentences = [f"{arm}, {runs} seed{'s' if runs > 1 else ''}."]
    sentences += [f"{word.capitalize()}: {'; '.join(each)}." for word, each in groups.items() if each]
    return {"arm": arm, "claims": claims, "sentences": sentences, "sentence": " ".join(sentences)}
