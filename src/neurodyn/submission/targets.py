"""The split guard: test targets that only scoring may open, and a record of every time it did."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from neurodyn.data.store import open_hdf5
from neurodyn.errors import InvalidInput, MissingData
from neurodyn.submission.layout import GROUPS

PUBLISHED_SHA256 = "f2f434d30193251b58e6a693381fdd185c8fbc0e47d38f8810e65295bc42c865"
"""Of `eval_data_test.h5` as the organisers published it once the challenge had closed."""
NOT_BLIND = (
    "The test targets are public: these results are not blind. Never select, stop or tune on them, and say so wherever they are reported. "
    "For choosing, score phase val."
)
"""Said with every score on test targets."""
LOG = "test_targets_used.jsonl"
"""Name of the record, beside the scores: one line a use."""


class SealedTargets:
    """A file of test targets. It is no mapping and no array: what it holds can only be read within `for_scoring`, which records the use.

    Args:
        path: the organisers' `eval_data_test.h5`, or a file of the same layout.

    Raises:
        MissingData: there is no such file.
        InvalidInput: it is damaged or not HDF5, or no group of it holds targets.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise MissingData(
                f"{self.path}: there is no such file. The organisers of the Neural Latents Benchmark publish eval_data_test.h5; "
                "without it, fit with phase val and score that."
            )
        with open_hdf5(self.path) as file:
            self.groups = tuple(name for name in GROUPS if f"{name}/eval_spikes_heldout" in file)
        if not self.groups:
            raise InvalidInput(
                str(self.path), "no group with eval_spikes_heldout", f"groups such as {next(iter(GROUPS))}"
            )
        with self.path.open("rb") as opened:
            self.sha256 = hashlib.file_digest(opened, "sha256").hexdigest()

    def __repr__(self) -> str:
        return f"SealedTargets({str(self.path)!r}, {'published' if self.published else 'not the published file'})"

    @property
    def published(self) -> bool:
        """Whether it is, bit for bit, the file the organisers published."""
        return self.sha256 == PUBLISHED_SHA256

    @contextmanager
    def for_scoring(self, submission: str | Path, folder: str | Path) -> Iterator[Mapping[str, Mapping[str, Any]]]:
        """Opens the targets, group by group, once the use has been recorded in `folder`.

        Args:
            submission: the file that is scored.
            folder: where the scores go; the record is appended to `test_targets_used.jsonl` there.

        Raises:
            InvalidInput: the record cannot be written: then nothing is opened.
        """
        used = {
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "targets": str(self.path),
            "sha256": self.sha256,
            "published": self.published,
            "submission": str(submission),
        }
        try:
            with (Path(folder) / LOG).open("a") as log:
                log.write(json.dumps(used) + "\n")
        except OSError as error:
            raise InvalidInput(
                str(Path(folder) / LOG), error.strerror, "a folder that can be written: every use is recorded"
            ) from error
        with open_hdf5(self.path) as file:
            yield {name: file[name] for name in self.groups}

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise InvalidInput(
            "test targets",
            repr(self),
            "data that may be trained on or chosen by",
            "Only `neurodyn submit --score` opens them.",
        )

    __array__ = __getitem__ = __iter__ = __len__ = __contains__ = __reduce__ = _refuse
