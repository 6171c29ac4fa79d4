"""The prepared split behind a group of a submission, from the recordings on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurodyn import registry
from neurodyn.submission.layout import GROUPS, Member
from neurodyn.training.run import Run

if TYPE_CHECKING:
    from neurodyn.data.nlb.tensors import Tensors


def prepared(name: str, phase: str, members: Sequence[Member] = ()) -> Tensors:
    """The tensors of a group: from where its runs found the recordings, else from the data folders.

    Args:
        name: of the group.
        phase: `val` or `test`.
        members: runs behind the group, as the submission records them.

    Raises:
        MissingData: the recordings are not on this machine; the message says how to get them.
        InvalidInput: they cannot be used.
    """
    dataset, bin_ms = GROUPS[name]
    options: dict[str, Any] = {"bin_s": bin_ms / 1000, "phase": phase, "folder": _folder(members)}
    tensors: Tensors = registry.load("datasets", dataset).with_options(**options).tensors()
    return tensors


def _folder(members: Sequence[Member]) -> str | None:
    """Where the runs found their recordings, if they say and are still there."""
    for member in members:
        if not (Path(member.run) / "config.yaml").is_file():
            continue
        data = Run.open(member.run).config["data"]
        if Path(str(data["source"])).is_file():
            return str(Path(data["source"]).parent)
        folder = data.get("options", {}).get("folder")
        if folder is not None:
            return str(folder)
    return None
