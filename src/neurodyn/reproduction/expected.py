"""What was published: values with their sources and the setting they were measured in, read strictly from `expected.json`."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from neurodyn.config import check_range, from_dict
from neurodyn.errors import InvalidInput, UnknownName
from neurodyn.reproduction.setting import Setting

FILE = "expected.json"
Statistic = Literal["mean", "median"]
"""What is made of the runs of an arm."""


@dataclass(frozen=True)
class Source:
    """Where a value was published."""

    citation: str
    """Authors, year, title, table."""
    url: str = ""
    """Of the paper, the DOI or the file; empty for results that are not public."""
    note: str = ""
    """What else a reader of its values must know."""


@dataclass(frozen=True)
class Published:
    """One published value, or why there is none."""

    value: float | None = None
    """As printed; None where nothing was published."""
    tolerance: float | None = None
    """How far ours may be from it."""
    compare: Literal["equal", "at_least", "at_most"] = "equal"
    """`equal`: within the tolerance. `at_least`: not worse by more than it. `at_most`: not better by more than it, of what has to fail."""
    source: Source | None = None
    """Where it was published."""
    setting: Setting | None = None
    """What it was measured in."""
    quartiles: tuple[float, ...] | None = None
    """First and third quartile of the published runs, where they were given."""
    best: float | None = None
    """Of the published runs, where it was given."""
    reason: str = ""
    """Why there is no value, or why ours cannot be held to it whatever the setting."""
    rows: Mapping[str, Published] = field(default_factory=dict)
    """The same for rows that stand beside the arm's score, its baselines: controls, few-shot calibration."""

    def passed(self, value: float, direction: Literal["higher", "lower"]) -> bool:
        """Whether our value reproduces this one."""
        assert self.value is not None and self.tolerance is not None
        behind = self.value - value if direction == "higher" else value - self.value
        return {"equal": abs(behind), "at_least": behind, "at_most": -behind}[self.compare] <= self.tolerance


@dataclass(frozen=True)
class Expected:
    """What is known about a folder of recipes."""

    arms: Mapping[str, Mapping[str, Published]]
    """Published values, by arm and score."""
    statistic: Statistic = "mean"
    """What is compared with them: the mean or the median of our runs over seeds."""
    unpublished: Mapping[str, Published] = field(default_factory=dict)
    """What is reported of recipes that `arms` does not name: scores that nobody has published."""
    compare_with: tuple[str, ...] = ()
    """Arms that the others are compared with, seed by seed on the same trials: each with the one of its own model, or the first."""
    controls: tuple[str, ...] = ()
    """Arms that say how much of a gain comes without what it is ascribed to."""

    def of(self, arm: str) -> Mapping[str, Published] | None:
        """What is reported of an arm, with its published values; None where nothing is said of it."""
        return self.arms.get(arm) or self.unpublished or None


def read(path: Path) -> Expected:
    """The published values of a folder of recipes.

    Raises:
        InvalidInput: not JSON, a field that does not exist or is missing, a value without its source, setting or tolerance, or no value and no reason.
        UnknownName: a source, setting or score that is not defined.
    """
    try:
        found = json.loads(path.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(str(path), str(error), "JSON") from error
    needed = ("sources", "settings", "arms")
    _fields(path, "", found, (*needed, "statistic", "unpublished", "compare_with", "controls"), needed)
    if (statistic := found.get("statistic", "mean")) not in get_args(Statistic):
        raise InvalidInput(f"{path}: statistic", repr(statistic), f"one of {', '.join(get_args(Statistic))}")
    sources = {
        name: _built(Source, path, f"sources.{name}", values, ("citation",))
        for name, values in found["sources"].items()
    }
    settings = {
        name: _built(Setting, path, f"settings.{name}", values, ("data", "bin_ms"))
        for name, values in found["settings"].items()
    }
    arms: dict[str, dict[str, Published]] = {}
    for arm, scores in found["arms"].items():
        if not isinstance(scores, Mapping) or not scores:
            raise InvalidInput(f"{path}: arms.{arm}", scores, "a mapping from scores to published values")
        _check_metrics(scores)
        arms[arm] = {
            name: _published(path, f"arms.{arm}.{name}", values, sources, settings) for name, values in scores.items()
        }
    names = {key: _names(path, key, found.get(key, [])) for key in ("compare_with", "controls")}
    if names["controls"] and not names["compare_with"]:
        raise InvalidInput(f"{path}: controls", "no compare_with", "the arm that the others are compared with too")
    return Expected(arms, statistic, _unpublished(path, found.get("unpublished")), **names)


def _unpublished(path: Path, given: Any) -> Mapping[str, Published]:
    if given is None:
        return {}
    _fields(path, "unpublished", given, ("scores", "reason"), ("scores", "reason"))
    _check_metrics(scores := _names(path, "unpublished.scores", given["scores"]))
    return {name: Published(reason=given["reason"]) for name in scores}


def _names(path: Path, where: str, given: Any) -> tuple[str, ...]:
    """A list of names, or one name."""
    listed = [given] if isinstance(given, str) else given
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        raise InvalidInput(f"{path}: {where}", repr(given), "a name, or a list of names")
    return tuple(listed)


def _check_metrics(names: Iterable[str]) -> None:
    from neurodyn import registry

    known = [n for kind in ("metrics", "alignment_measures", "dynamics_measures") for n in registry.names(kind)]
    similar = registry.names("similarity_measures")
    for name in names:
        if name not in known and name.split(":")[0] not in similar:
            raise UnknownName("metric", name, (*known, *similar))


def _published(
    path: Path, where: str, values: Any, sources: Mapping[str, Source], settings: Mapping[str, Setting]
) -> Published:
    known = [field.name for field in dataclasses.fields(Published)]
    _fields(path, where, values, known, ("value",))
    rows = values.get("rows", {})
    if not isinstance(rows, Mapping):
        raise InvalidInput(f"{path}: {where}.rows", repr(rows), "a mapping from rows to published values")
    rows = {name: _published(path, f"{where}.rows.{name}", each, sources, settings) for name, each in rows.items()}
    if values["value"] is None:
        _fields(path, where, values, ("value", "reason", "rows"), ("reason",))
        return Published(reason=values["reason"], rows=rows)
    if "reason" in values:
        _fields(path, where, values, ("value", "reason", "source", "rows"), ("reason", "source"))
        source = _named("source", values["source"], sources)
        return Published(float(values["value"]), source=source, reason=values["reason"], rows=rows)
    _fields(path, where, values, [n for n in known if n != "reason"], ("tolerance", "source", "setting"))
    named = {**values, "source": _named("source", values["source"], sources), "rows": rows}
    named["setting"] = _named("setting", values["setting"], settings)
    found: Published = _built(Published, path, where, named, ())
    check_range(f"{path}: {where}.tolerance", found.tolerance or 0.0, 0)
    if found.quartiles is not None and (len(found.quartiles) != 2 or found.quartiles[0] > found.quartiles[1]):
        raise InvalidInput(f"{path}: {where}.quartiles", list(found.quartiles), "the first, then the third")
    return found


def _named(kind: str, name: Any, known: Mapping[str, Any]) -> Any:
    if name not in known:
        raise UnknownName(f"{kind} of published values", str(name), known)
    return known[name]


def _built(kind: type[Any], path: Path, where: str, values: Any, needed: Sequence[str]) -> Any:
    _fields(path, where, values, [field.name for field in dataclasses.fields(kind)], needed)
    return from_dict(kind, values, f"{path}: {where}")


def _fields(path: Path, where: str, values: Any, known: Sequence[str], needed: Sequence[str]) -> None:
    """Raises unless `values` is a mapping that has what is needed and nothing that is not known."""
    field = f"{path}: {where}" if where else str(path)
    if not isinstance(values, Mapping):
        raise InvalidInput(field, repr(values), f"a mapping with {', '.join(needed)}")
    unknown = [name for name in values if name not in known]
    if unknown:
        raise InvalidInput(f"{field}.{unknown[0]}", "a field that does not belong here", f"one of {', '.join(known)}")
    for name in needed:
        if name not in values or (values[name] in ("", None) and name != "value"):
            raise InvalidInput(field, f"no {name}", f"a mapping with {', '.join(needed)}")
