"""What is compared, by name: a run's folder, an array in a file, recorded trials of a file or of a data set."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from neurodyn import config as configs
from neurodyn import registry
from neurodyn.analysis.condition_activity import condition_activity, untrained_activity
from neurodyn.config import check_choices, check_range
from neurodyn.data.arrays import NamedArrays
from neurodyn.data.files import kind_of
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput, MissingData, UnknownName
from neurodyn.estimator import Estimator
from neurodyn.loading import load
from neurodyn.similarity.activity import Activity, all_of
from neurodyn.similarity.condition_averages import condition_averages

Source = Activity | np.ndarray | Trials | Sequence[Trials] | Estimator | str | Path
_BESIDE = ("inputs", "mask", "conditions", "bin_s", "start_s")
"""Arrays of a file that say more about its activity."""


@dataclass(frozen=True)
class ArrayOptions:
    """How an array of a file is laid out."""

    order: Literal["condition_time_unit", "unit_time_condition"] = "condition_time_unit"
    """Axes of the array; one of two axes is (sample, unit), or (unit, sample)."""
    bin_s: float | None = None
    """Bin width in seconds; by default the file's number `bin_s`, where it has one."""
    start_s: float | None = None
    """Time of the first bin from the event that activities are aligned to, in seconds; by default the file's number `start_s`, else 0."""

    def __post_init__(self) -> None:
        check_choices(self, "array")
        if self.bin_s is not None:
            check_range("array.bin_s", self.bin_s, 0, open_low=True)


@dataclass(frozen=True, eq=False)
class Gathered:
    """Activities that are to be compared."""

    activities: list[Activity]
    given: list[str]
    """What each was named by."""
    untrained: dict[str, Activity]
    """The networks before training, by the name of the trained one."""

    def place(self, name: str | None) -> int:
        """Place of the activity with a name, or named by it; the first where none is asked for.

        Raises:
            UnknownName: there is none.
        """
        names = [each.name for each in self.activities]
        for known in (names, self.given):
            if name in known:
                return known.index(name)
        if name is None:
            return 0
        raise UnknownName("activity", name, names)


def gather(sources: Sequence[Source] | Mapping[str, Source], *, untrained: bool = True) -> Gathered:
    """The activities of all sources, each with a name of its own.

    Args:
        sources: as for `activities_of`; a mapping names them.
        untrained: whether runs are looked at before training too.

    Raises:
        MissingData, UnknownName: as `activities_of`.
        InvalidInput: as `activities_of`, or fewer than two activities.
    """
    named: list[tuple[str, str | None, Source]]
    if isinstance(sources, Mapping):
        named = [(name, name, source) for name, source in sources.items()]
    else:
        short = _short([str(each) for each in sources if isinstance(each, str | Path) and Path(each).is_dir()])
        named = [
            (text, short.get(text), each)
            for each in sources
            for text in (str(each) if isinstance(each, str | Path) else "",)
        ]
    found: list[Activity] = []
    given: list[str] = []
    runs: dict[int, str | Path] = {}
    for text, name, source in named:
        run, activities = _run(source), activities_of(source, name)
        if run is not None:
            runs[len(found)] = run
        found += activities
        given += [text] * len(activities)
    if len(found) < 2:
        raise InvalidInput("activities", len(found), "at least two: runs' folders, FILE:KEY, data sets' names")
    found = all_of(found)
    before = {}
    if untrained:
        before = {found[i].name: untrained_activity(run, name=found[i].name) for i, run in runs.items()}
    return Gathered(found, given, before)


def activities_of(source: Source, name: str | None = None) -> list[Activity]:
    """The activity that a source stands for; of trials of several sessions, one each.

    Args:
        source: an activity; an array `(condition, time, unit)` or `(sample, unit)`; trials, which are averaged by condition; a fitted estimator or a run's folder, of a network
            trained on a task; or text: a run's folder; `FILE:KEY`, an array in an .npz, .h5 or .mat file (`FILE` alone where it holds one of three axes); a file of trials; a
            data set's name. Options follow after colons: `FILE:KEY:order=unit_time_condition:bin_s=0.01`, `mante2013:half=first`.
        name: of the activity.

    Raises:
        MissingData: no such file or folder, or a data set that is not on this machine.
        UnknownName: no array or data set of that name.
        InvalidInput: an option that does not exist, a run that was not trained on a task, trials without conditions, or values that are not finite.
    """
    run = _run(source)
    if run is not None:
        return [condition_activity(run, name=name)]
    assert not isinstance(source, Estimator)
    if isinstance(source, str | Path):
        return _of_text(str(source), name)
    if isinstance(source, Trials):
        return [condition_averages(source, name)]
    if isinstance(source, Activity | np.ndarray):
        found = Activity.of(source, name or "activity")
        return [found if name is None else dataclasses.replace(found, name=name)]
    several = [each for each in source if isinstance(each, Trials)] if isinstance(source, Sequence) else []
    if not several or len(several) < len(source):
        got = f"a {type(source).__name__}"
        raise InvalidInput(name or "activities", got, "an array, an Activity, trials, a fitted estimator or text")
    return [condition_averages(each, name and f"{name} {each.session}") for each in several]


def _run(source: Source) -> str | Path | None:
    """The folder of a run, where the source is one."""
    if isinstance(source, Estimator):
        if source.run_ is None:
            fix = "Give out= to fit, or Activity(model activity, ...)."
            raise InvalidInput("activities", "an estimator without a run's folder", "one with a folder", fix)
        return source.run_.path
    return source if isinstance(source, str | Path) and Path(source).is_dir() else None


def _of_text(text: str, name: str | None) -> list[Activity]:
    head, key, options = _parsed(text)
    if Path(head).is_dir():
        raise InvalidInput(text, "a run's folder with options", "the folder alone")
    if Path(head).is_file() and kind_of(head) == "arrays":
        array = configs.from_dict(ArrayOptions, options, "array")
        return [_array(Path(head), key, array, name or Path(head).stem + (f":{key}" if key else ""))]
    if not Path(head).is_file() and head not in registry.names("datasets"):
        if "/" in head or Path(head).suffix:
            raise MissingData(f"{head}: there is no such file or run, and no data set is called so.")
        raise UnknownName("data set", head, registry.names("datasets"))
    if key:
        raise InvalidInput(text, f"an array's name, {key}", f"options of {head} as OPTION=VALUE")
    trials = load(head, **options)
    several = trials if isinstance(trials, list) else [trials]
    # What is asked for by name with options is known by both: halves of one data set differ by nothing else.
    called = name or (text if options else None)
    return [
        condition_averages(each, called if called is None or len(several) == 1 else f"{called} {each.session}")
        for each in several
    ]


def _parsed(text: str) -> tuple[str, str, dict[str, Any]]:
    """What comes before the first colon, the array's name, and options."""
    if Path(text).exists():
        return text, "", {}
    head, *rest = text.split(":")
    keys = [word for word in rest if "=" not in word]
    if len(keys) > 1:
        raise InvalidInput(text, f"several names: {', '.join(keys)}", "FILE:KEY, then options as OPTION=VALUE")
    pairs = (word.split("=", 1) for word in rest if "=" in word)
    return head, "".join(keys), {option: configs.parsed(f"{head}:{option}", value) for option, value in pairs}


def _array(path: Path, key: str, options: ArrayOptions, name: str) -> Activity:
    """An array of a file as an activity, with what else the file says of it: `bin_s`, `start_s`, `conditions`, `mask` `(condition, time)`, `inputs` `(condition, time, channel)`."""
    arrays = NamedArrays(path)
    if not key:
        named = {each: arrays[each].ndim for each in arrays if each not in _BESIDE}
        keys = [each for axes in (3, 2) for each, ndim in named.items() if ndim == axes]
        of_three = [each for each in keys if named[each] == 3]
        if len(of_three or keys) != 1:
            got = ", ".join(f"{each} of shape {arrays[each].shape}" for each in named) or "no arrays"
            fix = f"Name it: {path}:KEY." if len(keys) > 1 else ""
            raise InvalidInput(str(path), got, "one array (condition, time, unit)", fix)
        key = (of_three or keys)[0]
    values = arrays[key]
    turned = options.order == "unit_time_condition"
    beside: dict[str, Any] = {each: arrays.number(each) for each in ("bin_s", "start_s") if each in arrays}
    beside |= {k: v for k in ("bin_s", "start_s") if (v := getattr(options, k)) is not None}
    if "conditions" in arrays:
        beside["conditions"] = tuple(str(each) for each in arrays.row("conditions").tolist())
    if "mask" in arrays:
        beside["mask"] = arrays["mask"].astype(bool)
    if "inputs" in arrays and key != "inputs":
        beside["inputs"] = arrays["inputs"]
    # Parts that do not fit are refused by the activity itself, which says which.
    return Activity.of(values.T if turned else values, name, **beside)


def _short(paths: Sequence[str]) -> dict[str, str]:
    """For each path its last parts, as few as tell all apart."""
    parts = {text: Path(text).resolve().parts for text in paths}
    most = max((len(each) for each in parts.values()), default=0)
    for number in range(1, most + 1):
        names = {text: "/".join(each[-number:]) for text, each in parts.items()}
        if len(set(names.values())) == len(names):
            return names
    return {}
