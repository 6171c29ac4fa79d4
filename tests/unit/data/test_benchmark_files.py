"""NWB files of the benchmark by `FileOptions.benchmark`."""

import numpy as np
import pytest

import synthetic_nwb
from neurodyn import registry
from neurodyn.data.files import FileOptions, benchmarks, load_file, usable
from neurodyn.data.nwb import check_inference_target
from neurodyn.errors import InvalidInput, UnknownName


@pytest.fixture(scope="module")
def nwb(tmp_path_factory):
    return synthetic_nwb.write_dataset(tmp_path_factory.mktemp("data"), "mc_maze_small")[0]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NEURODYN_CACHE", str(tmp_path))


def test_a_file_of_the_benchmark_is_its_data_set(nwb):
    found = load_file(nwb, FileOptions(benchmark="mc_maze_small", bin_s=0.02, phase="test"))
    dataset = registry.load("datasets", "mc_maze_small")
    expected = dataset(dataset.Config(bin_s=0.02, phase="test", folder=str(nwb.parent))).load()
    assert np.array_equal(found.counts, expected.counts)
    assert found.table["split"].tolist() == expected.table["split"].tolist()
    assert found.provenance["benchmark"] == {"dataset": "mc_maze_small", "bin_ms": 20, "phase": "test"}
    assert found.provenance["options"] == {"benchmark": "mc_maze_small", "bin_s": 0.02, "phase": "test"}
    assert load_file(nwb, FileOptions(benchmark="mc_maze_small")).bin_s == 0.005


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"benchmark": "mc_maze_small", "align": "move_onset_time"}, InvalidInput, r"data\.align.*does not use"),
        ({"benchmark": "mc_maze_small", "heldout": 0.2}, InvalidInput, r"data\.heldout"),
        ({"phase": "test", "align": "x"}, InvalidInput, r"data\.phase|data\.align"),
        ({"benchmark": "mc_maze_smal"}, UnknownName, "mc_maze_small"),
        ({}, InvalidInput, "--data.benchmark mc_maze_small"),
        ({"benchmark": "two_area"}, UnknownName, "Known: area2_bump"),
        ({"benchmark": "mc_maze_small", "bin_s": 0.003}, InvalidInput, "bin_s"),
    ],
)
def test_options_that_do_not_go_together(nwb, options, error, match):
    with pytest.raises(error, match=match):
        load_file(nwb, FileOptions(**options))


def test_the_benchmark_is_an_option_of_nwb_files_only(tmp_path):
    np.savez(tmp_path / "x.npz", spikes=np.ones((10, 3), int))
    with pytest.raises(InvalidInput, match=r"data\.benchmark.*only with an NWB file of the benchmark"):
        load_file(tmp_path / "x.npz", FileOptions(counts="spikes", benchmark="mc_maze"))


def test_options_that_a_file_uses(nwb):
    given = {"benchmark": "mc_maze_small", "phase": "test", "bin_s": 0.02, "window": 4}
    assert usable(nwb, given) == {"benchmark": "mc_maze_small", "phase": "test", "bin_s": 0.02}
    assert usable(nwb, {**given, "benchmark": None}) == {"bin_s": 0.02, "window": 4}


def test_the_benchmark_has_seven_recordings():
    names = ["area2_bump", "dmfc_rsg", "mc_maze", "mc_maze_large", "mc_maze_medium", "mc_maze_small", "mc_rtt"]
    assert benchmarks() == names


def test_a_file_that_would_not_be_read_is_refused(nwb):
    other = nwb.with_name("mine.nwb")
    other.write_bytes(nwb.read_bytes())
    try:
        with pytest.raises(InvalidInput, match=r"mine\.nwb.*is not called as the archive calls.*desc-train"):
            load_file(other, FileOptions(benchmark="mc_maze_small"))
    finally:
        other.unlink()


def test_inference_of_test_trials_does_not_go_into_the_training_file(nwb, tmp_path):
    trials = load_file(nwb, FileOptions(benchmark="mc_maze_small", bin_s=0.02, phase="test"))
    out = tmp_path / "copy.nwb"
    with pytest.raises(InvalidInput, match=r"desc-test.*whose clock is another"):
        check_inference_target(nwb, out, trials)
    assert len(check_inference_target(nwb, out, trials.train)) == len(trials.train)
