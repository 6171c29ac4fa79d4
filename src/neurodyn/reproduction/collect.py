"""The runs of one arm as one score each: the mean or median over seeds, its spread, and what was published."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from neurodyn.metrics.base import Score
from neurodyn.reproduction.claims import over_seeds
from neurodyn.reproduction.expected import Published
from neurodyn.reproduction.setting import Setting
from neurodyn.reproduction.study import Arm

_STATISTICS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "mean": lambda many: float(np.mean(many)),
    "median": lambda many: float(np.median(many)),
}


def collected(
    arm: Arm,
    seeds: Sequence[int],
    runs: Sequence[Sequence[Score]],
    setting: Setting,
    changes: Sequence[str],
    *,
    once: bool = False,
    failed: int = 0,
) -> list[Score]:
    """One score for each that the arm has an entry for and that these trials can be scored with, sessions apart.

    The value, the baselines, the ceiling and the differences from baselines are means over the seeds, or medians where the study says so. An interval is
    the smallest that holds every seed's bootstrap interval: it is no narrower for more seeds. `context` has the `statistic`, the seeds with their
    `values`, the best of them, their standard deviation `sd` and `quartiles` (None for one seed), where the published value comes from, and in
    `not_comparable` why it cannot be compared, where it cannot. Then `passed` is None. Of the runs' own context, what all runs agree on is kept.

    Args:
        arm: what was run.
        seeds: of the runs.
        runs: every run's scores.
        setting: what they were measured in.
        changes: what `--quick` changed of the recipe.
        once: whether no seed changes it, so that it was run once.
        failed: seeds that could not be run besides.
    """
    how = f"{len(seeds)} seed{'s' if len(seeds) > 1 else ''}"
    how = "once: closed form, no seed changes it" if once else f"{how}, {failed} failed" if failed else how
    found = []
    for name, published in arm.published.items():
        sessions = dict.fromkeys(score.context.get("session") for score in runs[0] if score.name == name)
        for session in sessions:
            same = [s for run in runs for s in run if (s.name, s.context.get("session")) == (name, session)]
            found.append(_beside(_together(same, arm, seeds, how), published, setting, changes))
    return found


def _together(scores: Sequence[Score], arm: Arm, seeds: Sequence[int], how: str) -> Score:
    first, values = scores[0], [score.value for score in scores]
    context = {name: v for name, v in first.context.items() if all(s.context.get(name) == v for s in scores)}
    context.pop("seed", None)
    context |= over_seeds(scores)
    of_seeds = "; the smallest interval that holds every seed's" if len(seeds) > 1 else ""
    several = len(values) > 1
    one = _STATISTICS[arm.statistic]
    ceilings = [score.ceiling for score in scores if score.ceiling is not None]
    return dataclasses.replace(
        first,
        drawn=None,
        value=one(values),
        interval=_hull([score.interval for score in scores]),
        baselines={name: one([s.baselines[name] for s in scores]) for name in first.baselines},
        ceiling=one(ceilings) if ceilings else None,
        difference={
            name: (one([s.difference[name][0] for s in scores]), *_hull([s.difference[name][1:] for s in scores]))
            for name in first.difference
        },
        context={
            **context,
            "interval": f"{context.get('interval', '')}{of_seeds}",
            "arm": arm.path,
            "model": arm.recipe.model,
            "role": arm.role,
            "runs": how,
            "statistic": arm.statistic,
            "seeds": list(seeds),
            "values": values,
            "best": max(values) if first.direction == "higher" else min(values),
            "sd": float(np.std(values, ddof=1)) if several else None,
            "quartiles": np.quantile(values, [0.25, 0.75]).tolist() if several else None,
        },
    )


def _beside(score: Score, published: Published, setting: Setting, changes: Sequence[str]) -> Score:
    context: dict[str, Any] = {
        **score.context,
        "data": setting.data,
        "quick": list(changes),
        "setting": _given(setting),
    }
    if published.rows:
        context["rows"] = {
            name: _row(score, name, each, setting, changes)
            for name, each in published.rows.items()
            if name in score.baselines
        }
    if published.value is None or published.source is None:
        context["not_comparable"] = f"no published value: {published.reason}"
        return dataclasses.replace(score, context=context)
    differences = _differences(published, setting, changes)
    context |= {
        "source": published.source.citation,
        "url": published.source.url,
        "note": published.source.note,
        "tolerance": published.tolerance,
        "compare": published.compare,
        "published_setting": None if published.setting is None else _given(published.setting),
        "published_quartiles": None if published.quartiles is None else list(published.quartiles),
        "published_best": published.best,
        "not_comparable": "; ".join(differences) or None,
    }
    passed = None if differences else published.passed(score.value, score.direction)
    return dataclasses.replace(score, published=published.value, passed=passed, context=context)


def _row(score: Score, name: str, published: Published, setting: Setting, changes: Sequence[str]) -> Mapping[str, Any]:
    """What is published of a baseline of the score, and whether it is so here; `passed` is None where that cannot be said."""
    if published.value is None:
        return {"published": None, "passed": None, "not_comparable": f"no published value: {published.reason}"}
    differences = _differences(published, setting, changes)
    return {
        "published": published.value,
        "tolerance": published.tolerance,
        "compare": published.compare,
        "source": published.source.citation if published.source is not None else "",
        "not_comparable": "; ".join(differences) or None,
        "passed": None if differences else published.passed(score.baselines[name], score.direction),
    }


def _differences(published: Published, setting: Setting, changes: Sequence[str]) -> list[str]:
    """Why a published value cannot be compared with ours; nothing where it can."""
    found = [published.reason] if published.setting is None else published.setting.differences(setting)
    return [*found, f"--quick changes {', '.join(changes)}"] if changes else found


def _given(setting: Setting) -> Mapping[str, Any]:
    return {name: value for name, value in dataclasses.asdict(setting).items() if value is not None}


def _hull(intervals: Sequence[tuple[float, float]]) -> tuple[float, float]:
    lows, highs = zip(*intervals)
    return float(np.min(lows)), float(np.max(highs))
