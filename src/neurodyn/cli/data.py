"""List, describe, fetch, prepare and check data: names, sizes, gaps, silent units, advised bin width.

usage: neurodyn data list
       neurodyn data info NAME|FILE
       neurodyn data get NAME
       neurodyn data prepare FILE --counts KEY | --fluorescence KEY [--bin-s 0.05 --behaviour KEY ... --segment-id KEY | --trial-id KEY
                             --window 40 --forward 8 --heldout 0.25 --split 70/15/15 --split-by block|random --seed 0] -o x.h5
       neurodyn data check NAME|FILE

Each takes --json, and `neurodyn data COMMAND --help` lists its options.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

from neurodyn import registry
from neurodyn.cli._data import data_options, load_options
from neurodyn.cli._options import Flag, documented, made, parse
from neurodyn.errors import InvalidInput, MissingData, UnknownName

if TYPE_CHECKING:
    from neurodyn.data.trials import Trials


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
    if not cls.remotes:
        return "simulated"
    dataset = cls(cls.Config())
    try:
        return str(dataset.find(cls.remotes[0].file).parent)
    except MissingData:
        return f"absent: neurodyn data get {name}"


def _info(arguments: Sequence[str]) -> None:
    from neurodyn.cli._console import console, print_json
    from neurodyn.data.spec import DataSpec

    source, config, options = _source("info", arguments)
    if Path(source).is_file() and not load_options(config):
        from neurodyn.cli._contents import contents, described

        found = contents(source)
        if found is not None and options.json:
            print_json({"source": source, **found})
            return
        if found is not None:
            console().print(described(source, found), highlight=False, markup=False, soft_wrap=True)
            return
    trials = _loaded(source, config)
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
            out.print(f"  {_splits(each)}")
        if each.truth:
            out.print(f"  truth: {', '.join(each.truth)}")


def _source(command: str, arguments: Sequence[str], **extra: tuple[Any, Any]) -> tuple[str, Any, Any]:
    """NAME or FILE, the config its own options make (no prefix here: there is nothing else), and all that was parsed."""
    if not arguments or arguments[0].startswith("-"):
        raise InvalidInput(
            "NAME|FILE", "nothing", "a data set or file first", f"For example: neurodyn data {command} two_area."
        )
    source = arguments[0]
    kind, defaults = data_options(source)
    fields = {"json": (documented(Flag, "One JSON object on stdout."), False), **extra}
    options: Any = parse(made(command, fields, base=kind), arguments[1:], f"neurodyn data {command} {source}")
    values = {field.name: getattr(options, field.name) for field in dataclasses.fields(kind)}
    return source, dataclasses.replace(defaults, **values), options


def _loaded(source: str, config: Any) -> Trials | list[Trials]:
    from neurodyn import api
    from neurodyn.cli._console import working

    with working(f"Loading {source} ..."):
        return api.load(source, **load_options(config))


@dataclass(frozen=True)
class GetOptions:
    """Fetch a data set from its public origin into the user's data folder."""

    name: Positional[str]
    """Name of a data set."""
    json: Flag = False
    """One JSON object on stdout."""


def _get(arguments: Sequence[str]) -> None:
    from neurodyn.cli._console import console, print_json
    from neurodyn.data.download import fetch

    options = parse(GetOptions, arguments, "neurodyn data get")
    remotes = registry.load("datasets", options.name).remotes
    if not remotes:
        raise InvalidInput("NAME", options.name, "a recorded data set", "Simulated data need no download.")
    paths = [str(fetch(remote, progress=not options.json)) for remote in remotes]
    if options.json:
        print_json({"name": options.name, "files": paths})
    else:
        console().print("\n".join(paths), highlight=False, soft_wrap=True)


def _prepare(arguments: Sequence[str]) -> None:
    from neurodyn.cli._console import console, print_json
    from neurodyn.data import store

    out = Annotated[Path | None, arg(aliases=["-o"], help="File to write, which every other verb reads.")]
    source, config, options = _source("prepare", arguments, out=(out, None))
    if options.out is None:
        raise InvalidInput("--out", "nothing", "the file to write", "Add -o prepared.h5.")
    if options.out.suffix.lower() not in (".h5", ".hdf5"):
        raise InvalidInput("--out", options.out.name, "a name that ends in .h5 or .hdf5", "For example -o prepared.h5.")
    if Path(source).exists() and options.out.resolve() == Path(source).resolve():
        raise InvalidInput("--out", str(options.out), "another file than the recording", "It is only read.")
    trials = _loaded(source, config)
    if isinstance(trials, list):
        raise InvalidInput("FILE", f"{source}, which holds {len(trials)} sessions", "one session a file")
    store.save(trials, options.out)
    if options.json:
        sizes = {"trials": len(trials), "bins": trials.bins, "units": trials.units, "forward": trials.forward}
        print_json({"out": str(options.out), **sizes, "heldout": len(trials.heldout), "split": _split_sizes(trials)})
    else:
        text = f"{trials!r}\n{_splits(trials)}\n{options.out}\nNext: neurodyn fit lfads {options.out}"
        console().print(text, highlight=False, soft_wrap=True)


def _split_sizes(trials: Trials) -> dict[str, int]:
    labels = list(trials.table["split"]) if "split" in trials.table else []
    ordered = dict.fromkeys([name for name in ("train", "valid", "test") if name in labels] + labels)
    return {name: labels.count(name) for name in ordered}


def _splits(trials: Trials) -> str:
    return ", ".join(f"{number} {name}" for name, number in _split_sizes(trials).items()) or "not split"


def _check(arguments: Sequence[str]) -> None:
    from rich.table import Table

    from neurodyn.cli._console import console, print_json
    from neurodyn.data.check import check
    from neurodyn.data.files import open_continuous

    source, config, options = _source("check", arguments)
    recorded = open_continuous(source, config) if Path(source).is_file() else _loaded(source, config)
    found = {
        getattr(each, "session", source): check(each)
        for each in (recorded if isinstance(recorded, list) else [recorded])
    }
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
        if each.bin_s is not None:
            out.print(f"advised bin width: {each.bin_s * 1000:g} ms")


def _short(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


_COMMANDS = {"list": _list, "info": _info, "get": _get, "prepare": _prepare, "check": _check}
