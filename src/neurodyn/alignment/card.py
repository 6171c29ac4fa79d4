"""The report card: every measure for a model and the rows it must be read beside, and no headline without them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from neurodyn import registry
from neurodyn.alignment.base import Alignment, AlignmentMeasure, Group
from neurodyn.errors import InvalidInput
from neurodyn.metrics.base import Measurement, Score, scored

if TYPE_CHECKING:
    from rich.table import Table

HEADLINE = "cross_subject_r"
COMPANIONS = ("cross_subject_r_unpaired", "effective_dimension")
"""Measures without which the headline is not shown."""
BESIDE = ("untrained", "shuffled_pairing")
"""Rows without which the headline is not shown."""
RIVALS = (*BESIDE, "population_rate")
"""Rows that the headline should exceed."""
FIRST = (HEADLINE, COMPANIONS[0], "cross_subject_top1", "cross_subject_median_rank", "cross_subject_r_feature")
"""Measures that lead their part of the card."""
SAME_LATENTS = "same latents, own labels"
"""The row of ceilings: the model's own latents, but a decoder taught by the scored subject."""
TITLES: dict[Group, str] = {
    "subjects": "Do subjects agree?",
    "modalities": "Does activity agree with what went with it?",
    "use": "Is behaviour in what they share? Read by what other subjects taught",
    "latents": "Is there anything in the latents?",
    "published": "As published: not a measure of quality",
}


def report_card(
    rows: Mapping[str, Alignment],
    *,
    direct: Mapping[str, Mapping[str, Measurement]] | None = None,
    measures: Sequence[str] | None = None,
    draws: int = 2000,
    seed: int = 0,
    context: Mapping[str, Any] | None = None,
    progress: bool = False,
) -> list[Score]:
    """A score for every measure that applies to the first row, the model; the other rows are its baselines, on the same trials.

    Args:
        rows: alignments by name: the model first, then `untrained`, `shuffled_pairing`, `population_rate`, `calibrated_4`, ...
        direct: measurements of rows that are not alignments, by row and measure (`{"pca_cca": pca_cca(model)}`).
        measures: names; all that apply by default.
        draws: of the bootstrap.
        seed: of the bootstrap.
        context: more to say beside every score.
        progress: shows a bar on stderr, where that is a terminal.

    Raises:
        InvalidInput: no row; rows of other subjects or trials than the model's; a named measure that does not apply.
        UnknownName: a measure no one registered.
    """
    if not rows:
        raise InvalidInput("rows", "none", "the model's alignment first, then its baselines'")
    (_, model), *others = rows.items()
    for name, other in others:
        _check_same(name, model, other)
    found = []
    names = registry.names("alignment_measures") if measures is None else measures
    for name in _with_bar(names) if progress else names:
        measure: AlignmentMeasure = registry.load("alignment_measures", name)()
        if not measure.applies(model):
            if measures is not None:
                raise InvalidInput(
                    "measures", name, "a measure that these subjects can be scored with", measure.definition
                )
            continue
        own = measure.measure(model)
        beside = {key: measure.measure(other) for key, other in others if measure.applies(other)}
        beside |= {key: given[name] for key, given in (direct or {}).items() if name in given}
        for key, each in beside.items():
            if len(each.sums) != len(own.sums):
                raise InvalidInput(
                    f"row {key}", f"{len(each.sums)} {each.over} in {name}", f"{len(own.sums)}, as the model"
                )
        ceiling = measure.ceiling(model)
        said = {"subjects": [s.name for s in model.scored], "beside": {k: _plain(m.context) for k, m in beside.items()}}
        if measure.warning:
            said["warning"] = measure.warning
        if model.training:
            said["training"] = list(model.training)
        found.append(
            scored(
                type(measure),
                own,
                beside,
                None if ceiling is None else ceiling.value,
                draws=draws,
                seed=seed,
                context={**said, **(context or {})},
            )
        )
    return found


@dataclass(frozen=True, eq=False)
class ReportCard:
    """Scores of an alignment with the rows beside them, as people read them."""

    scores: Sequence[Score]
    """From `report_card`; scores of other kinds are passed over."""
    alignment: Alignment | None = None
    """The model's own, for pictures."""
    model: str = "model"
    """Name of the first row."""

    @property
    def by_name(self) -> dict[str, Score]:
        """The alignment's scores."""
        known = registry.names("alignment_measures")
        return {score.name: score for score in self.scores if score.name in known}

    @property
    def rows(self) -> list[str]:
        """The model, then every baseline."""
        return [self.model, *dict.fromkeys(name for score in self.by_name.values() for name in score.baselines)]

    def value(self, row: str, measure: str) -> float | None:
        """One number; None where the measure does not apply to the row."""
        score = self.by_name[measure]
        return score.value if row == self.model else score.baselines.get(row)

    @property
    def headline(self) -> Score:
        """The score of agreement across subjects.

        Raises:
            InvalidInput: what it must be read beside is missing: its unpaired value, the untrained and shuffled rows, or the effective dimension.
        """
        missing = self.missing
        if missing:
            raise InvalidInput(
                HEADLINE,
                f"no {', no '.join(missing)}",
                "the unpaired value, the effective dimension, and untrained and shuffled_pairing rows beside it",
                "A correlation across subjects means nothing alone: untrained and collapsed models have one too.",
            )
        return self.by_name[HEADLINE]

    @property
    def missing(self) -> list[str]:
        """What the headline lacks, by name; empty where it may be shown."""
        found = self.by_name
        absent = [name for name in (HEADLINE, *COMPANIONS) if name not in found or not np.isfinite(found[name].value)]
        beside = found[HEADLINE].baselines if HEADLINE in found else {}
        return absent + [row for row in BESIDE if not np.isfinite(beside.get(row, np.nan))]

    def groups(self) -> Iterator[tuple[Group, list[str]]]:
        """The measures of each part of the card, in order."""
        for group in TITLES:
            names = [n for n in self.by_name if registry.load("alignment_measures", n).group == group]
            if names:
                yield group, sorted(names, key=lambda n: (FIRST.index(n) if n in FIRST else len(FIRST), n))

    def shown(self, row: str, measure: str) -> str:
        """A cell: the value, with its interval in the model's row; `withheld` for a headline that must not be shown."""
        if measure == HEADLINE and self.missing:
            return "withheld"
        value = self.value(row, measure)
        if value is None:
            return ""
        if row != self.model:
            return _number(value)
        low, high = self.by_name[measure].interval
        return f"{_number(value)} [{_number(low)}, {_number(high)}]"

    def warnings(self) -> list[str]:
        """What must be said beside the numbers, in words."""
        found = self.by_name
        said = (
            [f"The headline is withheld: there is no {', no '.join(self.missing)}."] if found and self.missing else []
        )
        said += dict.fromkeys(str(s.context["warning"]) for s in found.values() if "warning" in s.context)
        return said + self.findings()

    def findings(self) -> list[str]:
        """What the model's own numbers warn of, in words; none where they speak for the alignment."""
        return list(_findings(self.by_name))

    def tables(self) -> list[Table]:
        """Rich tables: a row a model, a column a measure."""
        from rich.table import Table

        made = []
        for group, names in self.groups():
            table = Table(title=TITLES[group], title_justify="left")
            table.add_column("row", no_wrap=True)
            for name in names:
                arrow = "↑" if self.by_name[name].direction == "higher" else "↓"
                table.add_column(f"{name.replace('_', ' ')} {arrow}", justify="right")
            ceilings = [self.by_name[name].ceiling for name in names]
            for row in self.rows:
                cells = [self.shown(row, name).replace(" [", "\n\\[") for name in names]
                if any(cells):
                    table.add_row(row, *cells, style="bold" if row == self.model else "")
            if any(c is not None for c in ceilings):
                table.add_row(SAME_LATENTS, *("" if c is None else _number(c) for c in ceilings), style="dim")
            made.append(table)
        return made

    def text(self, width: int = 160) -> str:
        """The tables and the warnings as plain text."""
        import io

        from rich.console import Console

        out = Console(file=io.StringIO(), width=width, color_system=None)
        for table in self.tables():
            out.print(table)
        for warning in self.warnings():
            out.print(f"! {warning}", highlight=False, markup=False)
        text: str = out.file.getvalue()  # type: ignore[attr-defined]
        return text


def _with_bar(names: Sequence[str]) -> Iterator[str]:
    from rich.console import Console
    from rich.progress import Progress

    out = Console(stderr=True)
    with Progress(console=out, transient=True, disable=not out.is_terminal) as bar:
        yield from bar.track(names, description="Scoring the alignment")


def _findings(found: Mapping[str, Score]) -> Iterator[str]:
    """What the model's own numbers warn of."""
    if "effective_dimension" in found:
        score = found["effective_dimension"]
        if score.value == 0:
            yield "No latent dimension is active: the model has collapsed, and there is nothing to align."
        elif score.value < 1.5:
            yield f"The latents vary along {score.value:.2f} dimensions: one shared signal (a gain, a time course) may be all that carries over."
    if HEADLINE in found:
        score = found[HEADLINE]
        level = [row for row in RIVALS if row in score.difference and score.difference[row][1] <= 0]
        if level:
            *first, last = level
            rows = f"rows {', '.join(first)} and {last}" if first else f"row {last}"
            yield f"The correlation across subjects is not above that of the {rows}: it does not show that training aligned the subjects."
    for name, score in found.items():
        if name == "cross_modal_r" and score.value < 0.2:
            yield f"The latents of activity and of the other modality hardly agree in scored subjects (time-centred r {score.value:.2f})."
        if name == "zero_shot_behaviour_r2" and score.value <= 0.1:
            yield f"The model's decoder hardly knows the behaviour of scored subjects (R² {score.value:.2f})."


def _check_same(name: str, model: Alignment, other: Alignment) -> None:
    """Whether a row has the model's subjects, with the same trials in the same order."""
    if list(other.subjects) != list(model.subjects):
        raise InvalidInput(f"row {name}", list(other.subjects), f"the model's subjects {list(model.subjects)}")
    for key, own in model.subjects.items():
        theirs = other.subjects[key]
        if theirs.zero_shot != own.zero_shot:
            raise InvalidInput(
                f"row {name}", f"zero_shot={theirs.zero_shot} for {key}", f"{own.zero_shot}, as the model"
            )
        same = len(theirs.trials) == len(own.trials) and all(
            (theirs.labels(c) == own.labels(c)).all() for c in ("stimulus", "condition")
        )
        if not same:
            raise InvalidInput(f"row {name}", f"other trials of {key}", "the same trials in the same order")


def _plain(context: Mapping[str, Any]) -> dict[str, Any]:
    """Of a baseline's context, the numbers that belong beside its value."""
    kept = (
        "unpaired",
        "unguarded",
        "active",
        "p_permutation",
        "chance",
        "all",
        "by_r_feature",
        "canonical_correlations",
        "supervised",
        "by_pair",
    )
    return {key: value for key, value in context.items() if key in kept}


def _number(value: float) -> str:
    return f"{value:.3f}".replace("-", "−") if np.isfinite(value) else "–"
