"""What networks trained by several rules come to beside a recording, in words: after training, at the same error, over lags, and against what knows no condition."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodyn.analysis.matched_similarity import MatchedSimilarity, matched_similarity
from neurodyn.errors import InvalidInput
from neurodyn.metrics.base import Score
from neurodyn.training.kept import SimilarityOverTraining

CLAIM = "Published (Liu, Yang & Cueva 2025, arXiv:2506.06904): at matched accuracy e-prop's similarity is comparable to that of BPTT, and initial weights can matter more than the rule"
CLAIMED = ("bptt", "eprop")
"""The rules it is about."""


@dataclass(frozen=True)
class Alike:
    """One arm whose networks were compared with a recording."""

    path: str
    reference: str
    """Path of the arm it is compared with."""
    control: bool
    rule: str
    """Its learning rule."""
    runs: Mapping[int, SimilarityOverTraining]
    """By seed."""
    scores: Mapping[int, Sequence[Score]]
    """Of each run, after training."""


def with_similarity_conclusions(scores: Sequence[Score], arms: Sequence[Alike]) -> list[Score]:
    """The scores, with `context["similarity"]` on the first score of every reference that others are compared with."""
    said: dict[str, dict[str, Any]] = {}
    for reference in dict.fromkeys(arm.reference for arm in arms):
        own = [arm for arm in arms if arm.reference == reference and arm.runs]
        if len(own) > 1 and any(arm.path == reference for arm in own):
            said[reference] = similarity_conclusion(own)
    found = []
    for score in scores:
        conclusion = said.pop(score.context["arm"], None)
        more = {} if conclusion is None else {"similarity": conclusion}
        found.append(dataclasses.replace(score, context={**score.context, **more}))
    return found


def similarity_conclusion(arms: Sequence[Alike]) -> dict[str, Any]:
    """The comparison of some arms with their reference, which is one of them.

    Returns:
        `arm` (the reference), `measures` (for each measure followed over training: values after training by arm and seed, the cross-condition average's value, matched errors with
        differences and intervals), `lags`, `ranking` (for each measure of the trained networks whether the cross-condition average is above all of them), `sentences`,
        and all of them as `sentence`.
    """
    first = next(iter(arms[0].runs.values()))
    reference = arms[0].reference
    measures: dict[str, Any] = {}
    lags: dict[str, Any] = {}
    sentences = [
        f"Alike to {first.reference}, {first.used_lag_s * 1000:+.0f} ms from onset to onset; {max(len(a.runs) for a in arms)} seeds an arm."
    ]
    for label in first.measures:
        after = {arm.path: [float(run.values[label][-1]) for run in arm.runs.values()] for arm in arms}
        floor = first.baselines[label].get("cross_condition_average")
        matched = _matched(arms, reference, label)
        measures[label] = {
            "direction": first.measures[label],
            "after_training": after,
            "cross_condition_average": floor,
            "matched": None if matched is None else _plain(matched),
        }
        lags[label] = _lags(arms, label)
        sentences += [
            _after(label, first.measures[label], after, floor),
            *_at_matched(label, matched, reference, arms),
            _over_lags(label, lags[label], {arm.path: after[arm.path] for arm in arms if not arm.control}),
            *_at_onset(label, first.measures[label], lags[label], floor),
        ]
    sentences += _claim(measures, lags, reference, arms)
    ranking = _ranking(arms)
    sentences += _ranked(ranking)
    return {
        "arm": reference,
        "measures": measures,
        "lags": lags,
        "ranking": ranking,
        "sentences": sentences,
        "sentence": " ".join(sentences),
    }


def _matched(arms: Sequence[Alike], reference: str, label: str) -> MatchedSimilarity | None:
    """At errors that all runs reach; None where there are none (a control that does not learn is left out)."""
    kept = {arm.path: arm.runs for arm in arms if not arm.control or arm.path == reference}
    try:
        return matched_similarity(kept, reference, label)
    except InvalidInput as error:
        if error.field != "levels":
            raise
        return None


def _plain(found: MatchedSimilarity) -> dict[str, Any]:
    """For JSON; without draws there are no intervals, and a difference stands for both of its ends."""
    ends = {
        arm: np.where(np.isfinite(each), each, found.difference[arm][:, None]) for arm, each in found.interval.items()
    }
    return {
        "error": found.error_name,
        "levels": found.levels.tolist(),
        "values": {arm: each.tolist() for arm, each in found.values.items()},
        "difference": {arm: each.tolist() for arm, each in found.difference.items()},
        "interval": {arm: each.tolist() for arm, each in ends.items()},
        "overall": {
            arm: [each[0], *(e if np.isfinite(e) else each[0] for e in each[1:])] for arm, each in found.overall.items()
        },
    }


def _lags(arms: Sequence[Alike], label: str) -> dict[str, Any]:
    """Of each arm, the value at every lag averaged over seeds, and the lag at which all networks together are most alike."""
    first = next(iter(arms[0].runs.values()))
    mean = {arm.path: np.mean([run.lags[label] for run in arm.runs.values()], 0) for arm in arms}
    together = np.mean(list(mean.values()), 0)
    best = int(np.argmin(together) if first.measures[label] == "lower" else np.argmax(together))
    spans = {path: float(np.ptp(values)) for path, values in mean.items()}
    return {
        "lag_s": first.lags_s.tolist(),
        "values": {path: values.tolist() for path, values in mean.items()},
        "best_s": float(first.lags_s[best]),
        "span": spans,
    }


def _after(label: str, direction: str, after: Mapping[str, Sequence[float]], floor: float | None) -> str:
    ordered = sorted(after, key=lambda path: np.median(after[path]), reverse=direction == "higher")
    said = ", ".join(f"{_short(path)} {_range(after[path])}" for path in ordered)
    beside = "" if floor is None else f"; the cross-condition average {floor:.3f}"
    return f"{label} after training ({direction} is more alike): {said}{beside}."


def _at_matched(label: str, found: MatchedSimilarity | None, reference: str, arms: Sequence[Alike]) -> list[str]:
    if found is None:
        return [f"{label} at the same error: no error that all runs reach."]
    said, error = [], found.error_name.replace("_", " ")
    for path, (mean, low, high) in found.overall.items():
        last, ends = found.difference[path][-1], found.interval[path][-1]
        apart = "not told apart" if low <= 0 <= high else "apart"
        mine, theirs = found.values[path].mean(0), found.values[reference].mean(0)
        every = mine.min() > theirs.max() or mine.max() < theirs.min()
        seeds = "every seed on one side" if every else "seeds overlap"
        said.append(
            f"{_short(path)} minus {_short(reference)} {mean:+.3f} (95 % {low:+.3f} to {high:+.3f}; {apart}, {seeds}), "
            f"at the lowest error {last:+.3f} ({ends[0]:+.3f} to {ends[1]:+.3f})"
        )
    where = f"{error} {found.levels[0]:.2g} to {found.levels[-1]:.2g}"
    return [f"{label} at the same error ({where}): {'; '.join(said)}."]


def _over_lags(label: str, lags: Mapping[str, Any], after: Mapping[str, Sequence[float]]) -> str:
    span = max(lags["span"].values())
    medians = [float(np.median(values)) for values in after.values()]
    gap = max(medians) - min(medians)
    times = f", {span / gap:.1f} times the largest gap between arms that learn" if gap > 0 else ""
    return (
        f"{label} over lags of {1000 * lags['lag_s'][0]:.0f} to {1000 * lags['lag_s'][-1]:.0f} ms moves by up to {span:.3f}{times}; "
        f"networks are most alike at {1000 * lags['best_s']:+.0f} ms."
    )


def _at_onset(label: str, direction: str, lags: Mapping[str, Any], floor: float | None) -> list[str]:
    """The values at no lag, where it was looked at: the event of the network on that of the recording."""
    place = int(np.argmin(np.abs(lags["lag_s"])))
    if abs(lags["lag_s"][place]) > 1e-9:
        return []
    values = {path: each[place] for path, each in lags["values"].items()}
    said = ", ".join(f"{_short(path)} {value:.3f}" for path, value in values.items())
    if floor is None:
        return [f"{label} at 0 ms: {said}."]
    best = max(values.values()) if direction == "higher" else min(values.values())
    beaten = best > floor if direction == "higher" else best < floor
    verdict = "some arm is more alike than" if beaten else "no arm is more alike than"
    return [f"{label} at 0 ms: {said}; {verdict} the cross-condition average ({floor:.3f})."]


def _claim(measures: Mapping[str, Any], lags: Mapping[str, Any], reference: str, arms: Sequence[Alike]) -> list[str]:
    """The published claim beside what was found, where both rules were trained: the gap between rules, and what else moves the value as far."""
    rules = {arm.path: arm.rule for arm in arms}
    other = next((path for path, rule in rules.items() if path != reference and rule == CLAIMED[1]), None)
    if rules[reference] != CLAIMED[0] or other is None:
        return []
    found = []
    for label, each in measures.items():
        if each["matched"] is None:
            continue
        mean, low, high = each["matched"]["overall"][other]
        last, ends = each["matched"]["difference"][other][-1], each["matched"]["interval"][other][-1]
        seeds = float(np.ptp(np.array(each["matched"]["values"][reference]).mean(0)))
        told = not (low <= 0 <= high and ends[0] <= 0 <= ends[1])
        verdict = "not told apart" if not told else "apart" if abs(mean) > seeds else "apart by less than seeds are"
        beside = [f"{seeds:.3f} between seeds of {_short(reference)}"] if seeds > 0 else []
        beside += [
            f"{abs(gap[0]):.3f} between {_short(path)} and {_short(reference)}"
            for path, gap in each["matched"]["overall"].items()
            if rules[path] == CLAIMED[0]
        ]
        beside.append(f"{max(lags[label]['span'].values()):.3f} over lags")
        found.append(
            f"{label}: {verdict}, {mean:+.3f} ({low:+.3f} to {high:+.3f}), at the lowest error {last:+.3f} ({ends[0]:+.3f} to {ends[1]:+.3f}), beside {', '.join(beside)}"
        )
    return (
        [f"{CLAIM}. Here, at the same error, {_short(other)} minus {_short(reference)}: {'; '.join(found)}."]
        if found
        else []
    )


def _ranking(arms: Sequence[Alike]) -> list[dict[str, Any]]:
    """For each measure of the trained networks: medians of every arm, and where the cross-condition average stands."""
    first = next(iter(arms[0].scores.values()), [])
    found = []
    for one in first:
        if "fitted" not in one.context:  # a score of the task
            continue
        own = {arm.path: [s for each in arm.scores.values() for s in each if s.name == one.name] for arm in arms}
        floor = one.baselines.get("cross_condition_average")
        fitted = {path: [float(s.context["fitted"]) for s in each] for path, each in own.items() if each}
        values = {path: [s.value for s in each] for path, each in own.items() if each}
        best = (max if one.direction == "higher" else min)(v for each in values.values() for v in each)
        above = None if floor is None else (floor >= best if one.direction == "higher" else floor <= best)
        found.append(
            {
                "measure": one.name,
                "direction": one.direction,
                "held_out": one.context["held_out"],
                "cross_condition_average": floor,
                "chance": one.baselines.get("chance"),
                "untrained": one.baselines.get("untrained"),
                "values": values,
                "fitted": fitted,
                "surrogate_above_all": above,
            }
        )
    return found


def _ranked(ranking: Sequence[Mapping[str, Any]]) -> list[str]:
    known = [each for each in ranking if each["surrogate_above_all"] is not None]
    if not known:
        return []
    above = [each["measure"] for each in known if each["surrogate_above_all"]]
    below = [each["measure"] for each in known if not each["surrogate_above_all"]]
    found = []
    if above:
        found.append(
            f"The recording's cross-condition average, which knows no condition, ranks above every trained network by {_listed(above)}: such numbers say little of conditions."
        )
    if below:
        found.append(f"Some trained network is more alike than the cross-condition average by {_listed(below)}.")
    return found


def _range(values: Sequence[float]) -> str:
    middle = float(np.median(values))
    return f"{middle:.3f}" if len(values) == 1 else f"{middle:.3f} ({min(values):.3f} to {max(values):.3f})"


def _short(path: str) -> str:
    return path.rpartition("/")[2]


def _listed(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
