"""Arrays in a file a trial: the right numbers, and no more read than is asked for."""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from neurodyn.data.sensorium import trial_arrays
from neurodyn.data.sensorium.folder import mapped
from neurodyn.data.sensorium.frame_resizing import resizing_matrix
from neurodyn.data.sensorium.precision import precision, std_of_sums
from neurodyn.data.sensorium.trial_arrays import Responses, Series, TrialArrays, Videos
from neurodyn.data.signal import Signal
from neurodyn.errors import InvalidInput, MissingData

RNG = np.random.default_rng(3)
BINS = np.array([20, 12, 17])
RESPONSES = RNG.gamma(1.0, size=(3, 6, 25))
VIDEOS = RNG.integers(0, 256, (3, 36, 64, 25)).astype(np.float32)
SERIES = RNG.normal(size=(3, 2, 25)).astype(np.float32)
SCALE = RNG.uniform(1, 2, (6, 1)).astype(np.float32)


def files(folder: Path, name: str, values: np.ndarray) -> list[Path]:
    for trial, each in enumerate(values):
        np.save(folder / f"{name}{trial}.npy", each)
    return [folder / f"{name}{trial}.npy" for trial in range(len(values))]


def responses_of(folder: Path, scale: np.ndarray = SCALE, units: np.ndarray | None = None) -> Responses:
    return Responses(files(folder, "r", RESPONSES), BINS, scale, units)


def expected(values: np.ndarray, fill: float) -> np.ndarray:
    """`(trial, time, ...)` cut at the valid frames."""
    whole = np.moveaxis(values, -1, 1)[:, : BINS.max()].astype(np.float32)
    for trial, bins in enumerate(BINS):
        whole[trial, bins:] = fill
    return whole


def test_responses_are_scaled_and_cut_at_their_valid_frames(tmp_path: Path) -> None:
    arrays = responses_of(tmp_path)
    assert arrays.shape == (3, 20, 6) and arrays.dtype == np.float32 and len(arrays) == 3
    np.testing.assert_allclose(np.asarray(arrays), expected(RESPONSES * SCALE, 0), rtol=1e-6)
    per_frame = RNG.uniform(1, 2, (6, 25)).astype(np.float32)
    found = responses_of(tmp_path, per_frame).windows(np.array([2, 1]), np.array([13, 8]), 6)
    whole = expected(RESPONSES * per_frame, 0)
    np.testing.assert_allclose(found, np.stack([whole[2, 13:19], whole[1, 8:14]]), rtol=1e-6)
    some = np.array([0, 4])
    np.testing.assert_allclose(
        responses_of(tmp_path, SCALE[some], some)[:], expected(RESPONSES * SCALE, 0)[:, :, some], rtol=1e-6
    )


def test_negative_responses_are_read_as_zero(tmp_path: Path) -> None:
    np.save(tmp_path / "n.npy", np.array([[-1e-7, 2.0]]))
    assert Responses([tmp_path / "n.npy"], np.array([2]), np.ones((1, 1), np.float32))[:].ravel().tolist() == [0, 2]


def test_indexing_is_that_of_an_array(tmp_path: Path) -> None:
    arrays, whole = responses_of(tmp_path), expected(RESPONSES * SCALE, 0)
    for key in (1, slice(1, 3), [2, 0], np.array([True, False, True]), (slice(None), slice(3, 9)), (2, slice(-4, None)),
                (slice(None), 5), (1, slice(0, 10, 3), slice(2, 4)), (slice(None), slice(9, 3))):  # fmt: skip
        np.testing.assert_allclose(arrays[key], whole[key], rtol=1e-6)
    signal = Signal(arrays, "fluorescence", "neural", 1 / 30)
    np.testing.assert_allclose(signal.rows(np.array([2, 0, 2])), whole[[2, 0, 2]], rtol=1e-6)
    chosen = signal.select(np.array([2, 1]))
    np.testing.assert_allclose(chosen.rows(np.array([1, 0])), whole[[1, 2]], rtol=1e-6)
    np.testing.assert_allclose(chosen.windows(np.array([0]), np.array([3]), 4)[0], whole[2, 3:7], rtol=1e-6)


def test_behaviour_is_nan_where_a_trial_has_ended(tmp_path: Path) -> None:
    arrays = Series(files(tmp_path, "b", SERIES), BINS, (1,))
    np.testing.assert_array_equal(np.asarray(arrays), expected(SERIES[:, 1:], np.nan))


def test_videos_are_resized_as_scipy_resizes_them(tmp_path: Path) -> None:
    arrays = Videos(files(tmp_path, "v", VIDEOS), BINS, (36, 64), (32, 64))
    frame = VIDEOS[1, :, :, 7] / 255
    smooth = ndimage.gaussian_filter(frame, (0.0625, 0), mode="mirror")
    resized = ndimage.zoom(smooth, (32 / 36, 1), order=1, mode="mirror", grid_mode=True)
    np.testing.assert_allclose(arrays[1, 7], resized, atol=1e-6)
    assert arrays.shape == (3, 20, 32, 64) and (arrays[1, 12:] == 0).all()
    small = Videos(files(tmp_path, "v", VIDEOS), BINS, (36, 64), (9, 16))[1, 7]
    smooth = ndimage.gaussian_filter(frame, 1.5, mode="mirror")
    np.testing.assert_allclose(small, ndimage.zoom(smooth, 1 / 4, order=1, mode="mirror", grid_mode=True), atol=1e-6)
    same = Videos(files(tmp_path, "v", VIDEOS), BINS, (36, 64), (36, 64))[1, 7]
    np.testing.assert_array_equal(same, frame)


@pytest.mark.parametrize(("before", "after"), [(36, 32), (64, 16), (16, 40), (7, 7)])
def test_resizing_keeps_values_in_their_range(before: int, after: int) -> None:
    matrix = resizing_matrix(before, after)
    assert matrix.shape == (after, before) and (matrix >= 0).all()
    np.testing.assert_allclose(matrix.sum(1), 1, rtol=1e-6)


class Spied(np.ndarray):
    """An array that notes how it is indexed."""

    seen: list[Any] = []

    def __getitem__(self, key: Any) -> Any:
        Spied.seen.append(key)
        return np.asarray(self)[key]


def test_only_the_frames_asked_for_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []

    def spied(path: Path) -> np.ndarray:
        opened.append(path)
        return np.load(path).view(Spied)

    monkeypatch.setattr(trial_arrays, "mapped", spied)
    everything: list[TrialArrays] = [
        responses_of(tmp_path),
        Videos(files(tmp_path, "v", VIDEOS), BINS, (36, 64), (32, 64)),
        Series(files(tmp_path, "b", SERIES), BINS, (0,)),
    ]
    for arrays in everything:
        opened.clear(), Spied.seen.clear()
        arrays.windows(np.array([2, 1]), np.array([5, 10]), 4)
        assert [path.stem[1:] for path in opened] == ["2", "1"]
        assert [key[-1] for key in Spied.seen] == [slice(5, 9), slice(10, 12)]


def test_a_window_of_a_large_trial_takes_memory_of_the_window_only(tmp_path: Path) -> None:
    np.save(tmp_path / "large.npy", np.ones((2000, 1500)))
    arrays = Responses([tmp_path / "large.npy"], np.array([1500]), np.ones((2000, 1), np.float32))
    arrays.windows(np.array([0]), np.array([0]), 16)
    tracemalloc.start()
    found = arrays.windows(np.array([0, 0]), np.array([0, 700]), 16)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < found.nbytes + 200_000 < 1_000_000 < (tmp_path / "large.npy").stat().st_size / 20
    assert isinstance(mapped(tmp_path / "large.npy"), np.memmap)


def test_a_file_that_became_shorter_or_went_away_is_named(tmp_path: Path) -> None:
    arrays = responses_of(tmp_path)
    np.save(tmp_path / "r1.npy", RESPONSES[1][:, :10])
    with pytest.raises(InvalidInput, match=r"r1\.npy.*12 frames or more"):
        arrays.windows(np.array([1]), np.array([0]), 16)
    (tmp_path / "r1.npy").unlink()
    with pytest.raises(MissingData, match=r"r1\.npy"):
        arrays[1]


def test_precision_has_a_floor() -> None:
    std = np.array([[2.0], [4.0], [0.001], [0.0]])
    floor = 0.01 * std.mean()
    np.testing.assert_allclose(precision(std).ravel(), [0.5, 0.25, 1 / floor, 1 / floor], rtol=1e-6)
    with_nan = np.array([[2.0, np.nan], [4.0, 0.0]])
    np.testing.assert_allclose(precision(with_nan), [[0.5, 1 / 0.02], [0.25, 1 / 0.02]], rtol=1e-6)
    for constant in (np.zeros((3, 1)), np.full((3, 1), np.nan)):
        with pytest.raises(InvalidInput, match="do not vary"):
            precision(constant)


def test_standard_deviations_come_from_sums() -> None:
    values = RNG.gamma(2.0, size=(5, 300))
    std = std_of_sums(values.sum(1), (values**2).sum(1), 300)
    np.testing.assert_allclose(std, values.std(1, keepdims=True), rtol=1e-10)
    with pytest.raises(InvalidInput, match="no trial in tier train"):
        std_of_sums(values.sum(1), (values**2).sum(1), 0)
