"""Which weights taught a run: a student is only kept, or gone on with, while its teachers are the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from neurodyn.data.writing import written_whole
from neurodyn.errors import InvalidInput

WEIGHTS = "best.safetensors"


def hold_to_teachers(run: Path, teachers: Sequence[str | Path]) -> None:
    """Notes beside a run that has not begun whose weights teach it; refuses one that others taught.

    Args:
        run: folder of the student's run, which may not be there yet.
        teachers: folders of its teachers' runs.

    Raises:
        InvalidInput: the run was begun with other teachers, or with weights that have been trained again since.
    """
    if not teachers:
        return
    note = run.with_name(f"{run.name}.teachers.json")
    weights = [hashlib.sha256((Path(teacher) / WEIGHTS).read_bytes()).hexdigest() for teacher in teachers]
    if not (run / "config.yaml").is_file():
        note.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(note) as beside:
            beside.write_text(json.dumps(weights))
    elif not note.is_file() or json.loads(note.read_text()) != weights:
        raise InvalidInput(
            str(run),
            "a student of other weights than its teachers have now",
            f"one taught by {', '.join(map(str, teachers))}",
            "Remove the folder, or give another --out.",
        )
