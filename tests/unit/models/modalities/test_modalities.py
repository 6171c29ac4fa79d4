"""Series and videos: to latents and back."""

from __future__ import annotations

import pytest
import torch

from neurodyn.errors import InvalidInput
from neurodyn.models.modalities.base import LOG_VARIANCE, gaussian
from neurodyn.models.modalities.series import Series
from neurodyn.models.modalities.video import Video, VideoConfig


def video(frame: tuple[int, int] = (8, 16), features: tuple[int, ...] = (3, 5)) -> Video:
    torch.manual_seed(0)
    return Video(VideoConfig(features), frame, 4, 6, 5)


def test_variances_are_bounded() -> None:
    found = gaussian(torch.tensor([[[1.0, -50.0]], [[2.0, 50.0]]]))
    assert found.mean.flatten().tolist() == [1, 2] and found.log_variance.flatten().tolist() == list(LOG_VARIANCE)


def test_a_series_says_which_samples_are_missing() -> None:
    """A sample that is missing differs from one that is zero."""
    torch.manual_seed(0)
    series = Series(2, 4, 8, 5)
    values, known = torch.zeros(3, 9, 2), torch.ones(3, 9, 2, dtype=torch.bool)
    missing = known.clone()
    missing[1, 4, 0] = False
    one, other = series.encode(values, known, None), series.encode(values, missing, None)
    assert one.mean.shape == one.log_variance.shape == (3, 9, 4)
    assert torch.equal(one.mean[::2], other.mean[::2]) and not torch.equal(one.mean[1], other.mean[1])
    assert series.decode(one.mean, None).shape == values.shape and series.shape == (2,)


@pytest.mark.parametrize("frame", [(4, 4), (8, 16), (32, 64)])
def test_a_video_comes_back_in_its_own_shape_within_0_and_1(frame: tuple[int, int]) -> None:
    made = video(frame)
    found = made.encode(torch.rand(2, 3, *frame), torch.ones(2, 3, 1, 1, dtype=torch.bool), None)
    assert found.mean.shape == (2, 3, 4)
    decoded = made.decode(100 * found.mean, None)
    assert decoded.shape == (2, 3, *frame) and decoded.min() >= 0 and decoded.max() <= 1


def test_every_place_of_a_frame_counts() -> None:
    """The release looks at one column of the last map of four."""
    made = video()
    values = torch.rand(1, 1, 8, 16, requires_grad=True)
    made.encode(values, torch.ones(1, 1, 1, 1, dtype=torch.bool), None).mean.sum().backward()
    assert (values.grad.abs() > 0).float().mean() > 0.95


def test_decoding_is_learned_where_pixels_are_black_or_white() -> None:
    """No dead gradient at 0 and 1, which clamping has."""
    made = video((4, 4), (3,))
    latents = torch.randn(2, 3, 4, requires_grad=True)
    (made.decode(50 * latents, None).sum()).backward()
    assert latents.grad.abs().sum() > 0


def test_frames_that_do_not_halve_are_refused() -> None:
    with pytest.raises(InvalidInput, match="2 levels"):
        video((6, 8))
    for features in ((), (8, 0)):
        with pytest.raises(InvalidInput, match="features"):
            VideoConfig(features)
