"""Long recordings in overlapping windows: cut, and joined again."""

import h5py
import numpy as np
import pytest

from neurodyn.data.binned import Binned
from neurodyn.data.chopping import check_windows, chop, merge, stretches
from neurodyn.data.inference import Inference
from neurodyn.data.outputs import write
from neurodyn.errors import InvalidInput

RNG = np.random.default_rng(0)
SERIES = RNG.normal(size=(100, 3))


@pytest.mark.parametrize(("window", "overlap"), [(20, 0), (20, 10), (16, 4), (10, 1), (100, 0), (100, 30)])
@pytest.mark.parametrize("power", [1.0, 2.0, np.inf])
def test_what_is_cut_and_joined_is_as_before(window, overlap, power):
    """Windows that agree give the recording, whatever their weights: they sum to one."""
    whole = (100 - window) // (window - overlap) * (window - overlap) + window
    if whole < 100:
        with pytest.warns(UserWarning, match=f"last {100 - whole} of 100"):
            windows = chop(SERIES, window, overlap)
    else:
        windows = chop(SERIES, window, overlap)
    np.testing.assert_allclose(merge(windows, overlap, power=power), SERIES[:whole], rtol=1e-12)


def test_weights_over_the_overlap():
    """x from 1/o to 1 - 1/o, the later window weighs x^power."""
    windows = np.stack([np.zeros((8, 1)), np.ones((8, 1))])
    assert merge(windows, 4, power=2.0)[4:8, 0] == pytest.approx(np.linspace(0.25, 0.75, 4) ** 2)
    assert merge(windows, 4, power=1.0)[4:8, 0] == pytest.approx(np.linspace(0.25, 0.75, 4))
    assert merge(windows, 4, power=np.inf)[4:8, 0].tolist() == [0, 0, 0, 0]
    assert merge(windows, 4)[:4].max() == 0 and merge(windows, 4)[8:].min() == 1


def test_chop_is_a_view():
    assert np.shares_memory(chop(SERIES, 10), SERIES)


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: chop(SERIES, 10, 10), "overlap"),
        (lambda: chop(SERIES, 101), "window"),
        (lambda: merge(chop(SERIES[:98], 10, 6), 6), "at most half a window"),
        (lambda: merge(chop(SERIES, 10), power=0.5), "power"),
    ],
)
def test_wrong_windows_are_named(call, field):
    with pytest.raises(InvalidInput, match=field):
        call()


def windows_of(stride, bins=20):
    counts = RNG.poisson(1.0, (100, 3))
    segment = np.repeat([7, 9], [60, 40])
    return Binned(
        counts, 0.02, segment=segment, time_s=np.arange(100) * 0.02 + np.repeat([1.0, 5.0], [60, 40])
    ).windows(bins, stride=stride)


def test_stretches_join_windows_within_segments():
    trials = windows_of(10)
    found = stretches(Inference(trials.bin_s, rates=trials.counts.astype(np.float32)), trials)
    assert [(s.segment, s.start_bin) for s in found] == [(0, 0), (1, 0)]
    assert [len(s.arrays["rates"]) for s in found] == [60, 40]
    assert [s.start_s for s in found] == pytest.approx([1.0, 60 * 0.02 + 5.0])
    direct = windows_of(20)
    assert len(check_windows(direct)) == 2 and check_windows(direct)[0][1] == 0


def test_some_windows_make_shorter_stretches_whatever_their_order():
    trials = windows_of(10).select([4, 3, 0])
    found = stretches(Inference(trials.bin_s, latents=trials.counts.astype(np.float32)), trials)
    assert [(s.start_bin, len(s.arrays["latents"])) for s in found] == [(0, 20), (30, 30)]
    np.testing.assert_allclose(found[0].arrays["latents"], trials.counts[2])
    np.testing.assert_allclose(found[1].arrays["latents"][:10], trials.counts[1][:10])


def test_windows_that_cannot_be_joined_are_named():
    with pytest.raises(InvalidInput, match="at most half"):
        check_windows(windows_of(5))
    with pytest.raises(InvalidInput, match="the same overlap"):
        check_windows(windows_of(5).select([0, 2, 5]))
    trials = windows_of(20)
    with pytest.raises(InvalidInput, match="around events"):
        check_windows(type(trials).from_arrays(trials.counts, bin_s=0.02))


def test_stretches_are_written_with_their_clock(tmp_path):
    trials = windows_of(10)
    inference = Inference(trials.bin_s, rates=trials.counts.astype(np.float32))
    write(tmp_path / "out.h5", [trials], [inference], "run", merge=2.0)
    with h5py.File(tmp_path / "out.h5") as file:
        assert sorted(file) == ["stretch_0", "stretch_1"]
        assert file["stretch_1/rates"].shape == (40, 3)
        np.testing.assert_allclose(file["stretch_1/time_s"][:2], [6.2, 6.22])
        assert "(time, unit)" in file["stretch_1/rates"].attrs["meaning"]
    with pytest.raises(InvalidInput, match="merge"):
        write(tmp_path / "out.nwb", [trials], [inference], "run", merge=2.0)
