"""A study's result on disk: `table.json` for machines, `table.md` for people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from neurodyn.data.writing import written_whole
from neurodyn.metrics.base import Score
from neurodyn.reporting.study.alignment import not_of_alignment
from neurodyn.reporting.study.base import DAGGER, best_of
from neurodyn.reproduction import cards
from neurodyn.reproduction.claims import CONCLUSION
from neurodyn.submission.targets import NOT_BLIND

HEADINGS = ("arm", "score", "ours", "published", "verdict", "baselines")
SHORT_HEADINGS = ("score", "ours", "published", "verdict", "best baseline")
PAIRED_HEADINGS = ("arm", "score", "compared with", "difference [95 %]", "every seed", "seeds that agree")
CONCLUSIONS = ("conclusion", "similarity", CONCLUSION)
"""Where a score's context holds what its arms come to."""
NOT_DEPLOYABLE = f"{DAGGER} Scored with the behaviour of the test trials: a reference, not deployable where behaviour is not recorded."


def as_mapping(
    study: str, scores: Sequence[Score], left_out: Sequence[str] = (), without_data: Sequence[str] = ()
) -> dict[str, Any]:
    """The study as `neurodyn reproduce --json` prints it; what has no data is left out too."""
    listed = [score.as_mapping() for score in scores]
    conclusions = [score["context"][key] for score in listed for key in CONCLUSIONS if key in score["context"]]
    return {"study": study, "scores": listed, "conclusions": conclusions, "left_out": [*left_out, *without_data]}


def write(
    folder: Path, study: str, scores: Sequence[Score], left_out: Sequence[str] = (), without_data: Sequence[str] = ()
) -> None:
    """Writes both files whole.

    Args:
        folder: of the study.
        study: its name.
        scores: of every arm.
        left_out: arms that `--quick` leaves out.
        without_data: arms whose data are not on this machine.

    Raises:
        InvalidInput: the folder is not writable, or the disk is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with written_whole(folder / "table.json") as beside:
        beside.write_text(json.dumps(as_mapping(study, scores, left_out, without_data), indent=2, allow_nan=False))
    with written_whole(folder / "table.md") as beside:
        beside.write_text(markdown(study, scores, left_out, without_data))


def markdown(
    study: str, scores: Sequence[Score], left_out: Sequence[str] = (), without_data: Sequence[str] = ()
) -> str:
    """The table as Markdown, with where each published value comes from below it."""
    within = not_of_alignment(scores)
    parts = [[f"# {study}"]]
    if within:
        parts += [_table(HEADINGS, map(row, within))]
    parts += [[f"- {each}"] for each in dict.fromkeys(source(s) for s in scores if s.published is not None)]
    parts += [[NOT_BLIND]] if any(score.context.get("blind") is False for score in scores) else []
    parts += [[each] for each in absent(left_out, without_data)]
    parts += [[NOT_DEPLOYABLE]] if given_behaviour(scores) else []
    parts += [[legend(within)]] if within else []
    if shown := cards.rows(scores):
        parts += [["## Report cards"], _table(cards.headings(scores), shown), *([each] for each in cards.below(scores))]
    if differences := [paired_row(score) for score in scores if "paired" in score.context]:
        parts += [["## Paired differences"], _table(PAIRED_HEADINGS, differences), [paired_legend(scores)]]
    if said := conclusions(scores):
        parts += [["## Conclusion"], [f"- {sentence}" for sentence in said]]
    return "\n".join(line for part in parts for line in (*part, ""))


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    cells = (" | ".join(cell.replace("|", "/") for cell in row) for row in rows)
    return [f"| {' | '.join(headings)} |", f"|{' --- |' * len(headings)}", *(f"| {each} |" for each in cells)]


def conclusions(scores: Sequence[Score]) -> list[str]:
    """What the study comes to, after the folder it is about: a paragraph a score, of comparisons with recordings a sentence each; of dynamics a paragraph an arm."""
    found = []
    for score in scores:
        folder = score.context["arm"].rpartition("/")[0]
        if "conclusion" in score.context:
            found.append(f"{folder}: {score.context['conclusion']['sentence']}")
        found += [f"{folder}: {each}" for each in score.context.get("similarity", {}).get("sentences", ())]
        found += [score.context[CONCLUSION]["sentence"]] if CONCLUSION in score.context else []
    return found


def paired_row(score: Score) -> tuple[str, ...]:
    """The cells of `PAIRED_HEADINGS` of a score that is compared with another arm's."""
    paired = score.context["paired"]
    low, high = paired["interval"]
    return (
        arm_of(score),
        score.name,
        paired["to"].rpartition("/")[2],
        f"{paired['difference']:+.4f} [{low:+.4f}, {high:+.4f}]",
        ", ".join(f"{each:+.4f}" for each in paired["differences"]),
        f"{paired['agree']} of {len(paired['seeds'])}",
    )


def paired_legend(scores: Sequence[Score]) -> str:
    """What the intervals of the differences are made of."""
    hows = dict.fromkeys(score.context["paired"]["how"] for score in scores if "paired" in score.context)
    return f"Difference: arm minus the one it is compared with, on the same test trials, mean over seeds. Interval: {'; '.join(hows)}."


def arm_of(score: Score) -> str:
    """The arm's path, with a mark where it is a control or was scored with its behaviour."""
    marks = [*(["control"] if score.context.get("role") == "control" else []), *([DAGGER] if _given(score) else [])]
    return " ".join([str(score.context["arm"]), *marks])


def given_behaviour(scores: Sequence[Score]) -> bool:
    """Whether an arm was scored with the behaviour of the test trials."""
    return any(map(_given, scores))


def _given(score: Score) -> bool:
    return bool(score.context.get("privileged"))


def absent(left_out: Sequence[str], without_data: Sequence[str] = ()) -> list[str]:
    """Which arms are not in the table, and how to have them."""
    said = [f"Left out of --quick: {', '.join(left_out)}. Run --full, or one of them by its name."] if left_out else []
    return said + ([f"Left out for want of data: {', '.join(without_data)}."] if without_data else [])


def legend(scores: Sequence[Score]) -> str:
    """What the numbers of the table are."""
    spreads = dict.fromkeys(_SPREADS[score.context["statistic"]] for score in scores)
    published = ""
    if any(score.context.get("published_quartiles") for score in scores):
        published = " Published: value (quartiles; best) of its runs."
    return f"Ours: {' or '.join(spreads)} [95 % bootstrap interval on held-out trials, of all seeds together]; baselines on the same trials.{published}"


_SPREADS = {"mean": "mean ± standard deviation over seeds", "median": "median (quartiles; best) over seeds"}


def row(score: Score) -> tuple[str, ...]:
    """One score's cells, in the order of `HEADINGS`."""
    context, (low, high) = score.context, score.interval
    spread = "" if context["sd"] is None else f" ± {context['sd']:.4f}"
    if context["statistic"] == "median" and context["quartiles"] is not None:
        spread = f" {_runs(context['quartiles'], context['best'])}"
    published = "" if score.published is None else f"{score.published:.4f}"
    if published and (context["published_quartiles"] or context["published_best"] is not None):
        published += f" {_runs(context['published_quartiles'], context['published_best'])}"
    return (
        f"{arm_of(score)} ({context['runs']})",
        score.name,
        f"{score.value:.4f}{spread} [{low:.4f}, {high:.4f}]",
        published,
        verdict(score),
        ", ".join(f"{name} {value:.3f}" for name, value in score.baselines.items()),
    )


def short_row(score: Score) -> tuple[str, ...]:
    """The cells of `SHORT_HEADINGS`, for a terminal; `reasons` has what they leave out."""
    published = "" if score.published is None else f"{score.published:.4f}"
    word = {True: "passed", False: "FAILED", None: "not judged" if published else ""}[score.passed]
    best = best_of(score)
    return score.name, row(score)[2], published, word, "" if best is None else f"{best} {score.baselines[best]:.3f}"


def reasons(scores: Sequence[Score]) -> list[str]:
    """Why published values are not judged, each reason once."""
    found = (score for score in scores if score.published is not None and score.passed is None)
    return list(dict.fromkeys(f"Not judged: {score.context['not_comparable']}." for score in found))


def _runs(quartiles: Sequence[float] | None, best: float | None) -> str:
    """Quartiles and best value of several runs."""
    parts = [f"{quartiles[0]:.4f} to {quartiles[1]:.4f}"] if quartiles else []
    return f"({'; '.join([*parts, *([] if best is None else [f'best {best:.4f}'])])})"


def source(score: Score) -> str:
    """Where a published value comes from, and what else a reader must know about it."""
    url = f": <{score.context['url']}>" if score.context["url"] else ""
    return " ".join(filter(None, (f"{score.context['source']}{url}.", score.context["note"])))


def verdict(score: Score) -> str:
    """Whether the published value was reproduced, or why the two are not compared."""
    context = score.context
    if score.passed is None:
        why = str(context["not_comparable"])
        return why if score.published is None else f"not comparable: {why}"
    how = {"at_least": "not worse by more than", "at_most": "not better by more than"}.get(context["compare"], "within")
    return f"{'passed' if score.passed else 'FAILED'} ({how} {context['tolerance']:g})"
