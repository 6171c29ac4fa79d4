"""Test targets open for scoring only, and every use is recorded."""

from __future__ import annotations

import ast
import copy
import hashlib
import json
import pickle
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import neurodyn
from neurodyn.errors import InvalidInput, MissingData
from neurodyn.submission import targets
from neurodyn.submission.targets import LOG, SealedTargets

SOURCE = Path(neurodyn.__file__).parent
BELOW = ("api", "estimator", "reporting", "training", "learning", "objectives", "models", "metrics", "data")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "eval_data_test.h5"
    with h5py.File(path, "w") as made:
        made["mc_maze/eval_spikes_heldout"] = np.ones((3, 4, 2))
        made["other/thing"] = np.ones(2)
    return path


def test_a_use_is_recorded_before_the_targets_are_read(file: Path, tmp_path: Path) -> None:
    sealed = SealedTargets(file)
    assert sealed.groups == ("mc_maze",)
    for submission in ("a.h5", "b.h5"):
        with sealed.for_scoring(submission, tmp_path) as opened:
            assert len((tmp_path / LOG).read_text().splitlines()) == (1 if submission == "a.h5" else 2)
            assert list(opened) == ["mc_maze"]
            np.testing.assert_array_equal(opened["mc_maze"]["eval_spikes_heldout"], np.ones((3, 4, 2)))
    rows = [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines()]
    assert [row["submission"] for row in rows] == ["a.h5", "b.h5"]
    assert rows[0]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest() == sealed.sha256
    assert rows[0]["targets"] == str(file) and rows[0]["time"] and rows[0]["published"] is False


def test_nothing_is_opened_where_the_use_cannot_be_recorded(file: Path, tmp_path: Path) -> None:
    with (
        pytest.raises(InvalidInput, match="every use is recorded"),
        SealedTargets(file).for_scoring("a.h5", tmp_path / "nowhere"),
    ):
        pytest.fail("the targets were opened")


@pytest.mark.parametrize(
    "use",
    [
        lambda sealed: np.asarray(sealed),
        lambda sealed: sealed["mc_maze"],
        lambda sealed: list(sealed),
        lambda sealed: dict(sealed),
        lambda sealed: len(sealed),
        lambda sealed: "mc_maze" in sealed,
        lambda sealed: pickle.dumps(sealed),
        lambda sealed: copy.copy(sealed),
    ],
)
def test_targets_become_neither_arrays_nor_trials(use: Callable[[Any], object], file: Path) -> None:
    with pytest.raises(InvalidInput, match=r"test targets: .*Only `neurodyn submit --score` opens them"):
        use(SealedTargets(file))


def test_no_reader_takes_a_file_of_targets_for_data(file: Path) -> None:
    with pytest.raises(InvalidInput, match="targets a benchmark scores with"):
        neurodyn.load(file, counts="mc_maze/eval_spikes_heldout", bin_s=0.005)


def test_the_published_file_is_known_by_its_hash(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not SealedTargets(file).published and "not the published" in repr(SealedTargets(file))
    monkeypatch.setattr(targets, "PUBLISHED_SHA256", hashlib.sha256(file.read_bytes()).hexdigest())
    assert SealedTargets(file).published


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"publish eval_data_test\.h5"):
        SealedTargets(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("targets")
    with pytest.raises(InvalidInput, match="not HDF5"):
        SealedTargets(tmp_path / "text.h5")
    with h5py.File(tmp_path / "rates.h5", "w") as made:
        made["mc_maze/eval_rates_heldout"] = np.ones((3, 4, 2))
    with pytest.raises(InvalidInput, match="no group with eval_spikes_heldout"):
        SealedTargets(tmp_path / "rates.h5")


def test_nothing_that_trains_selects_or_reports_imports_it() -> None:
    """Not even inside a function; import-linter holds it too, and its contract is still there."""
    files = [
        path for name in BELOW for path in [SOURCE / f"{name}.py", *(SOURCE / name).rglob("*.py")] if path.is_file()
    ]
    assert len(files) > 100
    for path in files:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            assert not [name for name in names if name.startswith("neurodyn.submission")], path
    settings = tomllib.loads((SOURCE.parents[1] / "pyproject.toml").read_text())
    contracts = settings["tool"]["importlinter"]["contracts"]
    [forbidden] = [contract for contract in contracts if contract["type"] == "forbidden"]
    assert forbidden["forbidden_modules"] == ["neurodyn.submission"]
    assert {f"neurodyn.{name}" for name in BELOW} <= set(forbidden["source_modules"])
