"""PNBA's published network: its sizes, its quirks, and any number of units and bins."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from neurodyn.errors import InvalidInput
from neurodyn.models.parts.gaussians import product
from neurodyn.models.parts.published_pnba.config import PublishedPNBAConfig
from neurodyn.models.parts.published_pnba.network import PublishedPNBA, by_slot, by_time

TINY = PublishedPNBAConfig(
    channels=3,
    pooled_units=32,
    projector=8,
    encoder=4,
    decoder=4,
    multipliers=(1, 2, 2),
    video_features=(4, 4, 8),
    video_encoder_blocks=(1, 1, 1),
    video_decoder_blocks=(1, 1, 1),
    frame=(16, 32),
    series_features=8,
)


def network(series: int | None = None, **changes: Any) -> PublishedPNBA:
    torch.manual_seed(0)
    return PublishedPNBA(dataclasses.replace(TINY, **changes), series)


def batch(trials: int = 2, units: int = 20, bins: int = 6) -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.rand(trials, units, bins), torch.rand(trials, bins, *TINY.frame)


def test_parameters_are_as_many_as_published() -> None:
    with torch.device("meta"):
        published = PublishedPNBA(PublishedPNBAConfig())
    counts = {name: sum(p.numel() for p in part.parameters()) for name, part in published.named_children()}
    assert counts == {
        "projector": 658_944,
        "neural_encoder": 4_384_520,
        "neural_heads": 2 * 1200,
        "video_encoder": 4_543_640,
        "video_heads": 2 * 1200,
        "neural_decoder": 29_879_808,
        "output": 813_185,
        "video_decoder": 2_240_665,
    }
    assert sum(parameter.numel() for parameter in published.parameters()) == 42_525_564
    assert published.scale.shape == published.shift.shape == ()


def test_published_shapes_for_300_frames_of_a_mouse() -> None:
    with torch.device("meta"):
        published, values = PublishedPNBA(PublishedPNBAConfig()).eval(), torch.empty(1, 7440, 300)
        projected = published.projector(values)
        features = published.neural_encoder(projected)
        video = torch.empty(1, 300, 32, 64)
        encoded, latents = published.encode_video(video), published.encode_neural(values)
        pooled = published.neural_decoder(latents.mean)
        assert projected.shape == pooled.shape == (1, 128, 256, 300)
        assert features.shape == latents.mean.shape == encoded.log_variance.shape == (1, 8, 4, 300)
        assert published.decode_neural(latents.mean, 7440).shape == (1, 300, 7440)
        assert published.decode_video(latents.mean).shape == video.shape


def test_initial_matching_compares_plain_distances() -> None:
    assert (network().scale.item(), network().shift.item()) == (1, 0)


@pytest.mark.parametrize("units", [3, 9, 33, 9000])
@pytest.mark.parametrize("bins", [1, 7])
def test_any_number_of_units_and_bins(units: int, bins: int) -> None:
    model = network().eval()
    values, video = batch(1, units, bins)
    with torch.no_grad():
        found = model(values, video)
    for latents in (found.neural, found.video, found.fused):
        assert latents.mean.shape == latents.log_variance.shape == (1, TINY.channels, TINY.slots, bins)
    assert found.rates_of_fused.shape == found.rates_of_video.shape == (1, bins, units)
    assert found.video_of_fused.shape == found.video_of_neural.shape == video.shape
    assert all(value.isfinite().all() for part in found for value in (part if isinstance(part, tuple) else [part]))


def test_two_units_are_refused() -> None:
    with pytest.raises(InvalidInput, match="at least 3"):
        network().encode_neural(torch.rand(1, 2, 5))


def test_few_units_are_repeated_by_the_pooling() -> None:
    model = network()
    model.projector.refine = torch.nn.Identity()
    found = model.projector(batch(1, 6)[0])
    assert (found[:, :, ::8] == found[:, :, 7::8]).all()
    assert len(found.unique(dim=2)[0, 0]) == 4


def test_rates_and_video_stay_in_their_range() -> None:
    model = network()
    latents = 30 * torch.randn(2, TINY.channels, TINY.slots, 5)
    rates, video = model.decode_neural(latents, 11), model.decode_video(latents)
    assert rates.min() > 0
    assert video.min() >= 0 and video.max() <= 1


@pytest.mark.parametrize("eta, rate", [(-1.0, 0.367879), (0.0, 1.0), (2.0, 3.0)])
def test_rate_is_elu_plus_one(eta: float, rate: float) -> None:
    model = network()
    torch.nn.init.zeros_(model.output.layers[-1].weight)
    torch.nn.init.constant_(model.output.layers[-1].bias, eta)
    found = model.decode_neural(torch.randn(1, TINY.channels, TINY.slots, 2), 5)
    torch.testing.assert_close(found, torch.full((1, 2, 5), rate))


@pytest.mark.parametrize("units", [5, 32, 77])
def test_units_are_interpolated_as_an_image_is(units: int) -> None:
    model = network().eval()
    features = torch.randn(2, TINY.projector, TINY.pooled_units, 4)
    image = F.interpolate(features, size=(units, 4), mode="bicubic")
    expected = F.elu(model.output.layers(image)[:, 0].mT) + 1
    torch.testing.assert_close(model.output(features, units), expected)


def test_video_latents_come_from_the_left_most_column() -> None:
    model, video = network(), batch()[1]
    encoder = model.video_encoder
    maps = encoder.middle(encoder.levels(encoder.stem(video[:, None])))
    expected = maps[..., :: TINY.video_map[0] * TINY.video_map[1] // TINY.slots // TINY.video_map[1], 0]
    torch.testing.assert_close(encoder(video), expected.transpose(2, 3))
    nearest = F.interpolate(maps.flatten(3).flatten(0, 1), TINY.slots).view(*maps.shape[:3], -1)
    torch.testing.assert_close(encoder(video), nearest.transpose(2, 3))
    picked = F.interpolate(torch.arange(32.0)[None, None], PublishedPNBAConfig().slots)
    assert picked.flatten().tolist() == [0, 8, 16, 24]


def test_each_row_of_the_video_starts_constant() -> None:
    model, seen = network(), []
    model.video_decoder.layers[0].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    latents = torch.randn(1, TINY.channels, TINY.slots, 2)
    model.decode_video(latents)
    positions = seen[0].flatten(3)
    expected = F.interpolate(latents.transpose(2, 3).flatten(0, 1), positions.shape[3]).view(positions.shape)
    torch.testing.assert_close(positions, expected)


def test_evaluation_decodes_means_and_training_draws() -> None:
    model, given = network(), batch()
    found, again = model(*given), model(*given)
    assert not torch.equal(found.rates_of_fused, again.rates_of_fused)
    found = model.eval()(*given)
    fused = product([found.neural, found.video])
    torch.testing.assert_close(found.fused, fused)
    torch.testing.assert_close(found.rates_of_fused, model.decode_neural(fused.mean, 20))
    torch.testing.assert_close(found.rates_of_video, model.decode_neural(found.video.mean, 20))
    torch.testing.assert_close(found.video_of_fused, model.decode_video(fused.mean))
    torch.testing.assert_close(found.video_of_neural, model.decode_video(found.neural.mean))


def test_a_series_stands_in_place_of_video() -> None:
    model = network(series=5)
    values, series = batch()[0], torch.randn(2, 6, 5)
    found = model(values, series)
    assert found.video.mean.shape == found.neural.mean.shape
    assert found.video_of_neural.shape == series.shape
    with pytest.raises(InvalidInput, match="second modality"):
        model.encode_video(torch.randn(2, 6, 4))


def test_every_parameter_is_reached_by_the_four_reconstructions() -> None:
    model = network()
    found = model(*batch())
    (found.rates_of_fused.sum() + found.rates_of_video.square().sum() + found.video_of_neural.sum()).backward()
    without = {name for name, parameter in model.named_parameters() if parameter.grad is None}
    assert without == {"scale", "shift"}


def test_columns_are_latent_channel_times_slots_plus_slot() -> None:
    latents = torch.randn(2, 3, 4, 5)
    flat = by_time(latents)
    assert flat.shape == (2, 5, 12)
    torch.testing.assert_close(flat[:, :, 2 * 4 + 1], latents[:, 2, 1])
    torch.testing.assert_close(by_slot(flat, 4), latents)


@pytest.mark.parametrize(
    "changes",
    [
        {"pooled_units": 30},
        {"frame": (16, 30)},
        {"frame": (8, 8), "pooled_units": 64},
        {"projector": 40},
        {"projector": 36},
        {"encoder": 33},
        {"decoder": 48},
        {"video_features": (4, 4, 40)},
        {"series_features": 12},
        {"video_encoder_blocks": (1, 1)},
        {"temporal_kernel": 4},
        {"channels": 0},
        {"replicas": 0},
    ],
)
def test_sizes_that_do_not_fit_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=rf"model\.published\.{next(iter(changes))}"):
        network(**changes)
