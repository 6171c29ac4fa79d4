"""Runs become the arrays of a submission: right rows, right neurons, averages over an ensemble, nothing that was withheld."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurodyn.data.psth import PSTH
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.estimator import Estimator
from neurodyn.submission.gather import gather
from neurodyn.submission.layout import ARRAYS, read
from neurodyn.submission.layout import FORWARD as FORWARD_ARRAYS
from neurodyn.submission.submit import submit
from submission_trials import EVAL, FORWARD, HELDIN, OBSERVED, TRAIN, benchmark_trials


def fitted(trials: Trials, model: str = "smoothing", width: float = 2.0, **options: Any) -> Estimator:
    if model == "smoothing":
        options |= {"widths": (width,), "strengths": (1.0,), "folds": 2}
    return Estimator(model, progress=False, **options).fit(trials)


def arrays_of(*runs: Estimator, **options: Any) -> dict[str, np.ndarray]:
    [arrays] = gather(runs, progress=False, **options).submission.groups.values()
    return dict(arrays)


@pytest.mark.parametrize("phase", ["val", "test"])
def test_rows_are_in_table_order_and_neurons_in_units_table_order(phase: str) -> None:
    trials = benchmark_trials(phase=phase)
    run = fitted(trials)
    found = gather([run], progress=False)
    [(name, arrays)] = found.submission.groups.items()
    assert name == "mc_maze_small_20" and found.submission.phase == phase and set(arrays) == set(ARRAYS)
    whole = run.transform(trials)
    assert not isinstance(whole, list) and whole.rates is not None
    for group, units in (("heldin", HELDIN), ("heldout", np.setdiff1d(np.arange(7), HELDIN))):
        np.testing.assert_array_equal(arrays[f"train_rates_{group}"], whole.rates[:TRAIN, :OBSERVED, units])
        np.testing.assert_array_equal(arrays[f"eval_rates_{group}"], whole.rates[TRAIN:, :OBSERVED, units])
        np.testing.assert_array_equal(arrays[f"eval_rates_{group}_forward"], whole.rates[TRAIN:, OBSERVED:, units])
    assert found.expected[name].shape("train_rates_heldin") == (TRAIN, OBSERVED, len(HELDIN))
    assert arrays["eval_rates_heldin_forward"].shape == (EVAL, FORWARD, len(HELDIN))


def test_an_ensemble_is_the_mean_of_its_rates_and_its_members_are_recorded() -> None:
    trials = benchmark_trials()
    runs = [fitted(trials, width=width, seed=seed) for seed, width in enumerate((1.0, 2.0, 4.0))]
    together, alone = arrays_of(*runs), [arrays_of(run) for run in runs]
    for key in ARRAYS:
        np.testing.assert_allclose(together[key], np.mean([each[key] for each in alone], 0), rtol=1e-6)
    assert not np.allclose(alone[0]["eval_rates_heldin"], alone[2]["eval_rates_heldin"])
    [members] = gather(runs, progress=False).submission.members.values()
    assert [(member.model, member.seed) for member in members] == [("smoothing", 0), ("smoothing", 1), ("smoothing", 2)]


def test_data_sets_and_bin_widths_become_groups() -> None:
    runs = [fitted(benchmark_trials(d, b)) for d, b in (("mc_rtt", 5), ("mc_rtt", 20), ("mc_maze", 5))]
    assert set(gather(runs, progress=False).submission.groups) == {"mc_rtt", "mc_rtt_20", "mc_maze"}


def test_forward_bins_can_be_left_out() -> None:
    assert not set(FORWARD_ARRAYS) & set(arrays_of(fitted(benchmark_trials()), forward=False))


def test_withheld_activity_of_evaluated_trials_changes_nothing() -> None:
    """The leak guard: held-out and forward counts of evaluated trials, and condition averages they went into, could be anything."""
    trials = benchmark_trials()
    trials = dataclasses.replace(trials, psth=PSTH(trials.counts[:, :OBSERVED].mean(0)[None], ("a",)))
    counts = trials.counts.copy()
    counts[TRAIN:, :, trials.heldout] += 3
    counts[TRAIN:, OBSERVED:] += 5
    changed = dataclasses.replace(
        trials,
        signals={**trials.signals, "counts": dataclasses.replace(trials.neural, values=counts)},
        psth=PSTH(counts[:, :OBSERVED].mean(0)[None], ("a",)),
    )
    small = {"generator": 8, "factors": 4, "train": {"epochs": 2, "threads": 1}}
    for model, options in (("smoothing", {}), ("lfads", small)):
        before, after = (arrays_of(fitted(t, model, **options), samples=2) for t in (trials, changed))
        for key in ARRAYS:
            np.testing.assert_array_equal(before[key], after[key])


def test_runs_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    val, test = fitted(benchmark_trials(), seed=1), fitted(benchmark_trials(phase="test"), seed=2)
    with pytest.raises(InvalidInput, match="one phase in one file"):
        gather([val, test], progress=False)
    with pytest.raises(InvalidInput, match="twice"):
        gather([val, val], progress=False)
    with pytest.raises(InvalidInput, match="at least one folder"):
        gather([], progress=False)
    other = benchmark_trials(seed=1)
    other = other.select(np.flatnonzero(other.table["trial_id"] != 3))
    with pytest.raises(InvalidInput, match="other trials or neurons than"):
        gather([val, fitted(other, seed=5)], progress=False)
    plain = dataclasses.replace(benchmark_trials(), provenance={})
    with pytest.raises(InvalidInput, match="fitted to mc_maze_small; expected a run on data of the benchmark"):
        gather([fitted(plain)], progress=False)
    with pytest.raises(InvalidInput, match=r"config\.yaml"):
        gather([tmp_path / "nothing"], progress=False)


def test_nothing_is_written_where_the_check_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = fitted(benchmark_trials())
    whole = Estimator.transform

    def in_hz(self: Estimator, trials: Any, samples: int | None = None) -> Any:
        return [dataclasses.replace(each, rates=each.rates_hz) for each in whole(self, trials, samples)]  # type: ignore[union-attr]

    monkeypatch.setattr(Estimator, "transform", in_hz)
    with pytest.raises(InvalidInput, match="look like spikes per second"):
        submit([run], tmp_path / "s.h5", progress=False)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    done = submit([run], tmp_path / "s.h5", progress=False)
    assert [finding.where for finding in done.warnings] == ["scaling sets"]
    written = read(done.path)
    assert written.phase == "val"
    for key, rates in done.submission.groups["mc_maze_small_20"].items():
        np.testing.assert_array_equal(written.groups["mc_maze_small_20"][key], rates)
    with pytest.raises(InvalidInput, match="a folder that does not exist"):
        submit([run], tmp_path / "nowhere" / "s.h5", progress=False)
