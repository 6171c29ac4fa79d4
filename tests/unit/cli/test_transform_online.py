"""`neurodyn transform --online`, on a causal run and on one that needs later bins."""

from __future__ import annotations

import json
import re
from pathlib import Path

import h5py
import numpy as np
import pytest

from neurodyn.cli import main

FIT = [
    "fit",
    "langevin_flow",
    "langevin",
    "--data.trials",
    "21",
    "--train.epochs",
    "1",
    "--model.size",
    "4",
    "--model.encoder",
    "6",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("online")
    for name, causal in (("causal", "--model.causal"), ("both", "--model.no-causal")):
        assert main([*FIT, causal, "--out", str(path / name)]) == 0
    return path


def test_online_is_the_batch_transform_bin_by_bin(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, online, batch = (str(folder / name) for name in ("causal", "online.h5", "batch.h5"))
    capsys.readouterr()
    assert main(["transform", run, "-o", batch, "--samples", "0"]) == 0
    assert main(["transform", run, "-o", online, "--online", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["arrays"] == {"rates": [21, 45, 40], "latents": [21, 45, 8]}
    latency = said["latency_ms"]
    assert 0 < latency["median"] <= latency["p99"] <= latency["largest"] and latency["bins"] == 21 * 35
    with h5py.File(online) as ours, h5py.File(batch) as theirs:
        for name in ("rates", "latents"):
            np.testing.assert_allclose(ours[name][:], theirs[name][:], rtol=1e-4, atol=1e-5)
    assert main(["transform", run, "-o", online, "--online", "--samples", "0"]) == 0
    text = capsys.readouterr().err
    assert re.search(r"a bin took [\d.]+ ms \(median\), .* \(99th percentile\), .* \(largest of 735\)", text)


def test_what_cannot_run_online_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder / "none.h5"
    for run, flags, named in (
        ("both", [], ["model.causal"]),
        ("causal", ["--samples", "3"], ["samples", "--online"]),
    ):
        capsys.readouterr()
        assert main(["transform", str(folder / run), "-o", str(out), "--online", *flags]) == 2
        captured = capsys.readouterr()
        assert captured.out == "" and all(word in captured.err for word in named)
        assert not out.exists()
