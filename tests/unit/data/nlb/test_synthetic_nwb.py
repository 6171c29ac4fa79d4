"""The synthetic files have the published structure, and hold something to find."""

import dataclasses

import dense_reference
import numpy as np
import pytest
from pynwb import NWBHDF5IO
from scipy.ndimage import gaussian_filter1d
from sklearn.linear_model import PoissonRegressor, Ridge

import synthetic_nwb
from neurodyn.metrics._bits_per_spike import bits_per_spike
from synthetic_nwb_kinds import KINDS

NAMES = {
    "mc_maze": ("000128/sub-Jenkins/sub-Jenkins_ses-full_desc-", "behavior+ecephys"),
    "mc_maze_large": ("000138/sub-Jenkins/sub-Jenkins_ses-large_desc-", "behavior+ecephys"),
    "mc_maze_medium": ("000139/sub-Jenkins/sub-Jenkins_ses-medium_desc-", "behavior+ecephys"),
    "mc_maze_small": ("000140/sub-Jenkins/sub-Jenkins_ses-small_desc-", "behavior+ecephys"),
    "mc_rtt": ("000129/sub-Indy/sub-Indy_desc-", "behavior+ecephys"),
    "area2_bump": ("000127/sub-Han/sub-Han_desc-", "behavior+ecephys"),
    "dmfc_rsg": ("000130/sub-Haydn/sub-Haydn_desc-", "ecephys"),
}
CUES = {"mc_rtt": [], "dmfc_rsg": ["go_time"]}


@pytest.mark.parametrize("dataset", KINDS)
def test_files_have_the_published_names_and_structure(tmp_path, dataset):
    paths = synthetic_nwb.write_dataset(tmp_path, dataset)
    stem, content = NAMES[dataset]
    assert [str(p.relative_to(tmp_path)) for p in paths] == [f"{stem}train_{content}.nwb", f"{stem}test_ecephys.nwb"]
    with NWBHDF5IO(str(paths[0]), "r") as io:
        train = io.read()
        units, trials = train.units.to_dataframe(), train.trials.to_dataframe()
        assert set(trials.split) == {"train", "val", "none"} and 0 < units.heldout.sum() < len(units)
        assert ("electrodes" in units) == (dataset != "dmfc_rsg")
        intervals = {"mc_rtt": 4, "area2_bump": 4, "dmfc_rsg": 6}.get(dataset, len(trials))
        assert all(len(each) == intervals for each in units.obs_intervals)
        if dataset == "dmfc_rsg":
            assert not train.processing
        else:
            name, channels = {"mc_rtt": ("finger_vel", "x,y"), "area2_bump": ("muscle_len", None)}.get(
                dataset, ("hand_vel", "x,y")
            )
            series = train.processing["behavior"][name]
            assert (series.timestamps is None) == (dataset in ("mc_rtt", "area2_bump")) and (
                series.rate or 1000
            ) == 1000
            assert series.comments == f"columns=[{channels}]" if channels else series.data.shape[1] == 39
        for name in CUES.get(dataset, ["move_onset_time"]):
            lacking = trials[trials[name].isna()]
            assert len(lacking) == 1 and set(lacking.split) == {"none"}
    with NWBHDF5IO(str(paths[1]), "r") as io:
        test = io.read()
        assert not test.processing and not test.units.to_dataframe().heldout.any()
        assert list(test.units.id[:]) == list(units.index[~units.heldout])
        table = test.trials.to_dataframe()
        assert list(table) == ["start_time", "stop_time", "split", *CUES.get(dataset, ["move_onset_time"])]
        window = np.subtract(*KINDS[dataset].window_ms[::-1]) / 1000
        np.testing.assert_allclose(table.stop_time - table.start_time, window)
        np.testing.assert_allclose(test.units["obs_intervals"][0], table[["start_time", "stop_time"]])


@pytest.fixture(scope="module")
def dense(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nlb")
    return {
        dataset: dense_reference.read(synthetic_nwb.write_dataset(folder, dataset, seed=3), dataset)
        for dataset in ("mc_maze", "mc_rtt", "area2_bump", "dmfc_rsg")
    }


def smooth(counts):
    """Log of counts smoothed with 60 ms, bins of 20 ms."""
    return np.log(gaussian_filter1d(counts.astype(float), 3, axis=1, mode="constant") + 1e-2)


@pytest.mark.parametrize("dataset", ["mc_maze", "mc_rtt", "area2_bump", "dmfc_rsg"])
def test_smoothing_and_a_glm_co_smooth_above_zero(dense, dataset):
    arrays, _, _ = dense_reference.tensors(dense[dataset], dataset, 20, "val")
    target = arrays.get("eval_spikes_heldout_whole", arrays["eval_spikes_heldout"])
    flat = lambda values: values.reshape(-1, values.shape[2])  # noqa: E731
    inputs, wanted = flat(smooth(arrays["train_spikes_heldin"])), flat(arrays["train_spikes_heldout"])
    unseen = flat(smooth(arrays["eval_spikes_heldin"]))
    rates = np.stack([PoissonRegressor(alpha=0.1).fit(inputs, n).predict(unseen) for n in wanted.T], 1).reshape(
        target.shape
    )
    known = np.ones(target.shape[:2], bool)
    assert bits_per_spike(rates, target.astype(np.uint16), known).value > 0.05


@pytest.mark.parametrize("dataset", ["mc_maze", "mc_rtt", "area2_bump"])
def test_velocity_is_decoded_best_at_the_datasets_lag(dense, dataset, monkeypatch):
    found = {}
    for shift in (-120, 0, 120):
        rules = dataclasses.replace(dense_reference.RULES[dataset], lag=KINDS[dataset].lag_ms + shift)
        monkeypatch.setitem(dense_reference.RULES, dataset, rules)
        arrays, _, _ = dense_reference.tensors(dense[dataset], dataset, 20, "val")
        inputs = smooth(np.concatenate([arrays["train_spikes_heldin"], arrays["train_spikes_heldout"]], 2))
        velocity = arrays["train_behavior"].reshape(-1, 2)
        monkeypatch.undo()
        rows = ~np.isnan(velocity).any(1)
        flat = inputs.reshape(len(rows), -1)[rows]
        found[shift] = Ridge(1.0).fit(flat, velocity[rows]).score(flat, velocity[rows])
    assert found[0] > 0.5
    assert found[0] > max(found[-120], found[120]) + 0.02
