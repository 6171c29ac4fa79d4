"""What a file of arrays or an NWB file holds, before anyone has said how to cut it into trials."""

from __future__ import annotations

from typing import Any

from neurodyn.data.arrays import NamedArrays
from neurodyn.data.files import kind_of
from neurodyn.data.nwb import read_nwb


def contents(source: str) -> dict[str, Any] | None:
    """The names a user needs for the options: arrays with their shapes, or units, columns and signals; None for trials.

    Raises:
        MissingData: no such file.
        InvalidInput: it is empty, damaged or of another format.
    """
    kind = kind_of(source)
    if kind == "arrays":
        arrays = NamedArrays(source)
        return {"arrays": {name: f"{arrays[name].dtype} {arrays[name].shape}" for name in arrays}}
    if kind != "nwb":
        return None
    recording = read_nwb(source)
    try:
        tables = {"trials": recording.trials, **recording.intervals}
        return {
            "units": recording.units,
            "seconds": [round(float(moment), 3) for moment in recording.extent],
            "signals": {name: f"{s.values.shape} {s.units}" for name, s in recording.signals.items()},
            "tables": {name: {"rows": len(t), "columns": list(map(str, t))} for name, t in tables.items() if len(t)},
        }
    finally:
        recording.close()


def described(source: str, found: dict[str, Any]) -> str:
    """The same for people, with the command that comes next."""
    lines = [f"{source}: not cut into trials yet"]
    if "arrays" in found:
        lines += [f"  {name}: {what}" for name, what in found["arrays"].items()]
        first = next(iter(found["arrays"]), "KEY")
        command = f"neurodyn data info {source} --counts {first} --bin-s 0.02 --window 50"
    else:
        start, stop = found["seconds"]
        lines.append(f"  {found['units']} units, from {start:g} to {stop:g} s")
        lines += [f"  signal {name}: {what}" for name, what in found["signals"].items()]
        for name, table in found["tables"].items():
            lines.append(f"  {name}, {table['rows']} rows: {', '.join(table['columns'])}")
        columns = found["tables"].get("trials", {}).get("columns", [])
        cut = f"--align {columns[0]} --window-s -0.2 0.6" if columns else "--window 50"
        command = f"neurodyn data info {source} {cut} --bin-s 0.02"
    return "\n".join([*lines, f"Say how to cut it; for example: {command}"])
