"""Scores with what gives them meaning: intervals, baselines, paired differences, ceilings, definitions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from neurodyn.metrics.base import Score
from neurodyn.metrics.latent_use import in_words
from neurodyn.reporting.base import Section, table
from neurodyn.reporting.score_picture import score_picture
from neurodyn.reporting.study.base import FLOOR, TRUTH, best_of
from neurodyn.reporting.subject import Subject

BASELINES = ("mean_rate", "smoothing", "glm", "constant_output", "linear", "untrained", "shuffled")
"""Order of the baselines' columns; others follow."""
SMALL, SMALLEST = 0.005, 1e-6
"""A score below the first is shown with two digits (an error may be so small), below the second as zero."""
_IN_WORDS = {
    "normalised_error": "The network leaves {} of its targets’ variance unexplained",
    "task_accuracy": "The network decides rightly in a share of {} of the trials",
    "task_cross_entropy": "The network is surprised by the right class by {} nats a bin",
}
_KNOWN = {
    "constant_output": "the best constant output:",
    "linear": "a linear readout of the last ten stimulus bins:",
    "untrained": "the network before training:",
    "shuffled": "its outputs given to other trials:",
}


class Scores(Section):
    """The score table, every subject side by side, and the same numbers as a picture."""

    name = "scores"
    title = "Scores"
    lead = (
        "Is the model better than simpler ones, on data it never saw? Every score stands beside the same measure for each "
        "baseline on the same trials, and the ceiling where the truth is known."
    )

    def applies(self, subject: Subject) -> bool:
        """Whether anything was scored."""
        return bool(_of(subject))

    def html(self, subject: Subject) -> str:
        """Table and picture of one subject."""
        return self.compare([subject])

    def compare(self, subjects: Sequence[Subject]) -> str:
        """One table and one picture for all subjects, measure by measure."""
        names = list(dict.fromkeys(score.name for s in subjects for score in _of(s)))
        found = {(score.name, s.name): score for s in subjects for score in _of(s)}
        baselines = list(dict.fromkeys(b for score in found.values() for b in score.baselines))
        baselines.sort(key=lambda b: BASELINES.index(b) if b in BASELINES else len(BASELINES))
        return (
            _table(subjects, names, found, baselines)
            + _of_task(subjects, found)
            + _latent_use(subjects, found)
            + _given_behaviour(subjects)
            + _definitions(names, found)
            + score_picture(subjects, names, found, baselines)
        )


def _of(subject: Subject) -> list[Score]:
    """The scores shown here: those of the report card have a section of their own, with their warnings."""
    return [score for score in subject.scores if subject.card is None or score.name not in subject.card.by_name]


def best_baseline(score: Score) -> str | None:
    """Name of the best of the baselines that know as much as the model; None without a finite one. What reads off the truth is a reference, and a floor a bound."""
    return best_of(score)


def verdict(score: Score) -> str:
    """`better`, `worse` or `tie` against the best baseline, by the paired 95 % interval; `alone` where there is none."""
    best = best_baseline(score)
    if best is None or best not in score.difference:
        return "alone"
    _, low, high = score.difference[best]
    sign = 1 if score.direction == "higher" else -1
    if min(sign * low, sign * high) > 0:
        return "better"
    return "worse" if max(sign * low, sign * high) < 0 else "tie"


def number(value: float | None, *, signed: bool = False) -> str:
    """A score for people: three decimals, of small ones two digits; a true minus sign, a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    form = ".2g" if SMALLEST <= abs(value) < SMALL else ".3f"
    return f"{value:{'+' if signed else ''}{form}}".replace("-", "−")


def _interval(pair: tuple[float, float], *, signed: bool = False) -> str:
    return f"[{number(pair[0], signed=signed)}, {number(pair[1], signed=signed)}]"


def _table(
    subjects: Sequence[Subject],
    names: Sequence[str],
    found: Mapping[tuple[str, str], Score],
    baselines: Sequence[str],
) -> str:
    several, published = len(subjects) > 1, any(s.published is not None for s in found.values())
    head = ["Measure", *(["Model"] if several else []), "Value", "95 % interval"]
    head += ["Against the best baseline", *(escape(b.replace("_", " ")) for b in baselines), "Ceiling"]
    head += [*(["Published"] if published else []), "<i>n</i>"]
    rows = []
    for k, name in enumerate(names):
        first = True
        for subject in subjects:
            score = found.get((name, subject.name))
            if score is None:
                continue
            arrow = "↑" if score.direction == "higher" else "↓"
            better = "higher is better" if score.direction == "higher" else "lower is better"
            label = (
                f'<abbr title="{escape(score.definition)} ({better})">{escape(name)}</abbr> {arrow}<sup>{k + 1}</sup>'
            )
            best = best_baseline(score)
            row = [label if first else "", *([escape(subject.name)] if several else [])]
            row += [f"<b>{number(score.value)}</b>", _interval(score.interval), _difference(score, best)]
            row += [
                f'<span class="best" title="the best baseline">{number(score.baselines.get(b))}</span>'
                if b == best
                else number(score.baselines.get(b))
                for b in baselines
            ]
            row += [number(score.ceiling), *([number(score.published)] if published else []), str(score.n)]
            rows.append(row)
            first = False
    return table(head, rows, "scores")


def _difference(score: Score, best: str | None) -> str:
    if best is None or best not in score.difference:
        return "–"
    value, low, high = score.difference[best]
    state = verdict(score)
    sign = {"better": "▲", "worse": "▼", "tie": "≈"}[state]
    meaning = {"better": "better than", "worse": "worse than", "tie": "not distinguishable from"}[state]
    words = f"{meaning} {best.replace('_', ' ')}"
    interval = _interval((low, high), signed=True)
    return f'<span class="{state}" title="{escape(words)}">{sign} {number(value, signed=True)} {interval}</span>'


def _of_task(subjects: Sequence[Subject], found: Mapping[tuple[str, str], Score]) -> str:
    """What the scores of a task say, in words; and that they are not of held-out data, where they are not."""
    lines = []
    for subject in subjects:
        scores = {name: found[name, subject.name] for name in _IN_WORDS if (name, subject.name) in found}
        for name, score in scores.items():
            beside = "; ".join(f"{_KNOWN[b]} {number(v)}" for b, v in score.baselines.items() if b in _KNOWN)
            value = f"{number(score.value)} {_interval(score.interval)}"
            who = f"{subject.name}: " if len(subjects) > 1 else ""
            lines.append(f"<p>{escape(who + _IN_WORDS[name].format(value))} ({escape(beside)}).</p>")
        if any(score.context.get("held_out") is False for score in scores.values()):
            lines.append(
                "<p><b>Not of held-out data:</b> the test trials are the conditions of the task, and so were the training trials.</p>"
            )
    return "".join(lines)


def _latent_use(subjects: Sequence[Subject], found: Mapping[tuple[str, str], Score]) -> str:
    """A line for each subject whose rates were also decoded from the latents of other trials."""
    used = {s.name: found["latent_use", s.name] for s in subjects if ("latent_use", s.name) in found}
    lines = [(f"{name}: " if len(subjects) > 1 else "") + in_words(score) for name, score in used.items()]
    return "".join(f"<p>{escape(line)}</p>" for line in lines)


def _given_behaviour(subjects: Sequence[Subject]) -> str:
    told = [s.name for s in subjects if any(score.context.get("privileged") for score in s.scores)]
    if not told:
        return ""
    who = f" by {escape(', '.join(told))}" if len(subjects) > 1 else ""
    return f"<p>Inferred{who} with the behaviour of the test trials: a reference, not what can be had without behaviour.</p>"


def _definitions(names: Sequence[str], found: Mapping[tuple[str, str], Score]) -> str:
    items, kinds = [], set()
    references: set[str] = set()
    for name in names:
        score = next(s for (other, _), s in found.items() if other == name)
        better = "higher" if score.direction == "higher" else "lower"
        items.append(f"<li><b>{escape(name)}</b>: {escape(score.definition)} ({better} is better)</li>")
        kinds.add(str(score.context.get("interval", "95 % bootstrap over test trials")))
        references |= {b.replace("_", " ") for b in score.baselines if b == FLOOR or b.startswith(TRUTH)}
    aside = f" It is none of {', '.join(sorted(references))}: these are made from the truth." if references else ""
    return (
        '<p class="caption">Test split only; <i>n</i> is the number of test trials. Brackets: '
        f"{escape('; '.join(sorted(kinds)))}. “Against the best baseline” is the score minus the underlined baseline with its "
        f"paired interval over the same resampled trials: ▲ better, ▼ worse, ≈ not distinguishable.{aside} "
        "Intervals hold for these trials and these weights; they say nothing about other seeds or sessions.</p>"
        f'<ol class="definitions">{"".join(items)}</ol>'
    )
