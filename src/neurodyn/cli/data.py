"""List, describe, fetch, prepare and check data: names, sizes, gaps, silent units, advised bin width.

usage: neurodyn data list
       neurodyn data info NAME|FILE
       neurodyn data get NAME
       neurodyn data prepare FILE --counts KEY | --fluorescence KEY [--bin-s 0.05 --behaviour KEY ... --segment-id KEY | --trial-id KEY
                             --window 40 --forward 8 --heldout 0.25 --split 70/15/15 --split-by block|random --seed 0] -o x.h5
       neurodyn data prepare NAME|FILE --layout trials|lfads_torch|blend -o x.h5 [--overwrite]
       neurodyn data prepare NAME|FILE|nlb --layout nlb [--every-split] -o FOLDER [--overwrite]
       neurodyn data check NAME|FILE

Each takes --json, and `neurodyn data COMMAND --help` lists its options.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tyro.conf import Positional

from neurodyn import registry
from neurodyn.cli._data import benchmark_named, load_options, loaded, source_of, splits_line
from neurodyn.cli._options import Flag, parse
from neurodyn.cli._prepare import prepare
from neurodyn.errors import InvalidInput, MissingData, UnknownName


def run(arguments: Sequence[str]) -> None:
    """Runs one of the commands above."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__)
        return
    if arguments[0] not in _COMMANDS:
        raise UnknownName("command of `neurodyn data`", arguments[0], _COMMANDS)
    _COMMANDS[arguments[0]](arguments[1:])


@dataclass(frozen=True)
class ListOptions:
    """Every data set by name, with where it is."""

    json: Flag = False
    """One JSON object on stdout."""


def _list(arguments: Sequence[str]) -> None:
    from rich.table import Table

    from neurodyn.cli._console import console, print_json

    options = parse(ListOptions, arguments, "neurodyn data list")
    names = registry.names("datasets")
    rows = [{"name": n, "summary": registry.summary("datasets", n), "where": _where(n)} for n in names]
    if options.json:
        print_json({"datasets": rows})
        return
    table = Table("name", "summary", "where")
    for row in rows:
        table.add_row(*row.values())
    console().print(table)


def _where(name: str) -> str:
    cls = registry.load("datasets", name)
    if not cls.remotes and not cls.by_hand and not cls.archived and not hasattr(cls, "protocol"):
        return "simulated"
    dataset = cls(cls.Config())
    if cls.by_hand or cls.archived:
        try:
            dataset.check_present()
        except MissingData:
            return f"absent: neurodyn data get {name}"
        return "present"
    try:
        file = dataset.find(cls.remotes[0].file) if cls.remotes else dataset.files()[0]
        return str(file.parent)
    except MissingData:
        return f"absent: neurodyn data get {name}"


def _info(arguments: Sequence[str]) -> None:
    from neurodyn.cli._console import console, print_json
    from neurodyn.data.spec import DataSpec

    source, config, options = source_of("info", arguments)
    if Path(source).is_file() and not load_options(config):
        from neurodyn.cli._contents import contents, described

        found = contents(source)
        if found is not None and options.json:
            print_json({"source": source, **found})
            return
        if found is not None:
            console().print(described(source, found), highlight=False, markup=False, soft_wrap=True)
            return
    trials = loaded(source, config)
    if options.json:
        print_json({"source": source, **DataSpec.of(trials).as_mapping()})
        return
    out = console()
    for each in trials if isinstance(trials, list) else [trials]:
        session = f", session {each.session}" if each.session not in ("session", each.name) else ""
        size = f"{len(each)} trials of {each.bins} bins of {each.bin_s * 1000:g} ms"
        out.print(f"[bold]{each.name}[/bold]{session}: {size}")
        for name, signal in each.signals.items():
            out.print(f"  {signal.role:<10} {name}: {signal.kind} {signal.shape} {signal.units}", highlight=False)
        out.print(f"  {len(each.heldin)} units held in, {len(each.heldout)} held out, {each.forward} forward bins")
        if "split" in each.table:
            out.print(f"  {splits_line(each)}")
        if each.truth:
            out.print(f"  truth: {', '.join(each.truth)}")


@dataclass(frozen=True)
class GetOptions:
    """Fetch a data set from its public origin into the user's data folder."""

    name: Positional[str]
    """Name of a data set."""
    json: Flag = False
    """One JSON object on stdout."""


def _get(arguments: Sequence[str]) -> None:
    from neurodyn.cli._console import console, print_json

    options = parse(GetOptions, arguments, "neurodyn data get")
    paths, already = _fetched(options.name, progress=not options.json)
    if options.json:
        print_json({"name": options.name, "files": [str(path) for path in paths]})
        return
    note = ["There already: the network was not used."] if already else []
    console().print("\n".join([*map(str, paths), *note]), highlight=False, soft_wrap=True)


def _fetched(name: str, *, progress: bool) -> tuple[list[Path], bool]:
    """The files of a data set, and whether they were found without asking their origin."""
    cls = registry.load("datasets", name)
    if hasattr(cls, "protocol"):
        from neurodyn.data import dandi

        found = dandi.fetch(cls.protocol, progress=progress)
        return list(found.paths), found.already
    if cls.archived:
        from neurodyn.data import dandi

        found = dandi.fetch_files(cls.archived, progress=progress)
        return list(found.paths), found.already
    if cls.by_hand:
        raise MissingData(f"{name} is not fetched for you. {cls.by_hand}")
    if not cls.remotes:
        raise InvalidInput("NAME", name, "a recorded data set", "Simulated data need no download.")
    from neurodyn.data import download

    return [download.fetch(remote, progress=progress) for remote in cls.remotes], False


def _check(arguments: Sequence[str]) -> None:
    from rich.table import Table

    from neurodyn.cli._console import console, print_json
    from neurodyn.data.check import check
    from neurodyn.data.files import open_continuous

    source, config, options = source_of("check", arguments)
    recorded = open_continuous(source, config) if Path(source).is_file() else loaded(source, config)
    found = {
        getattr(each, "session", source): check(each)
        for each in (recorded if isinstance(recorded, list) else [recorded])
    }
    dataset = benchmark_named(source, config)
    if dataset is not None:
        found = {name: each.with_findings(dataset.findings()) for name, each in found.items()}
    if options.json:
        print_json({"source": source, "sessions": {name: each.as_mapping() for name, each in found.items()}})
        return
    out = console()
    for name, each in found.items():
        out.print(f"[bold]{name}[/bold]: " + ", ".join(f"{key} {_short(value)}" for key, value in each.summary.items()))
        table = Table("", "what", "found", "what to do")
        for finding in each.findings:
            table.add_row(finding.level, finding.what, finding.detail, finding.fix)
        out.print(table if each.findings else "Nothing to note.")
        if dataset is not None:
            out.print("bin widths the benchmark scores: 5 and 20 ms")
        elif each.bin_s is not None:
            out.print(f"advised bin width: {each.bin_s * 1000:g} ms")


def _short(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


_COMMANDS = {"list": _list, "info": _info, "get": _get, "prepare": prepare, "check": _check}
