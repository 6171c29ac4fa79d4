"""Small NWB files laid out as those of dandiset 000688, written with pynwb.

A hand reaches from the centre to eight targets, or four times in a row to random places; units fire with the cosine of the movement's direction.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pynwb import NWBHDF5IO, NWBFile, TimeSeries
from pynwb.behavior import BehavioralTimeSeries, Position, SpatialSeries
from pynwb.file import Subject

STEP_S = 0.01
DELAY_S, REACTION_S, REACH_S = 0.6, 0.25, 0.5
"""Trial start to go cue, go cue to movement, length of the movement."""


@dataclass
class Motor:
    """What a file holds, to be changed by a test before it is written."""

    monkey: str = "C"
    day: str = "20160914"
    task: str = "CO"
    areas: tuple[str, ...] = ("M1", "M1", "M1", "M1", "M1", "PMd", "PMd", "PMd")
    """Of each unit."""
    trials: dict[str, Any] = field(default_factory=dict)
    position: np.ndarray = field(default_factory=lambda: np.empty((0, 2)))
    spikes: list[np.ndarray] = field(default_factory=list)
    electrodes: bool = True
    series: tuple[str, ...] = ("position", "velocity", "acceleration")


def made(
    seed: int = 0, monkey: str = "C", day: str = "20160914", task: str = "CO", trials: int = 40, **options: Any
) -> Motor:
    """A session: centre-out (`CO`) trials, or random-target (`RT`) ones of four reaches each."""
    rng, motor = np.random.default_rng(seed), Motor(monkey, day, task, **options)
    reaches = 1 if task == "CO" else 4
    gap = REACTION_S + REACH_S + 0.1
    length = DELAY_S + reaches * gap
    start = 1.0 + np.arange(trials) * (length + 0.5)
    times = np.arange(0, start[-1] + length + 1, STEP_S)
    go = start[:, None] + DELAY_S + gap * np.arange(reaches)
    position, tuning = np.zeros((len(times), 2)), rng.uniform(-np.pi, np.pi, len(motor.areas))
    rate = np.full((len(times), len(motor.areas)), 8.0)
    direction = (rng.permutation(np.arange(trials)) % 8 - 3) * np.pi / 4
    for k in range(trials):
        hand = np.zeros(2) if task == "CO" else rng.choice([-6.5, 0, 6.5], 2)
        inside = times >= start[k] - 0.25
        position[inside] = hand
        for reach in range(reaches):
            angle = direction[k]
            if task == "RT":
                goal = rng.choice([-6.5, 0, 6.5], 2)
                goal = goal if (goal != hand).any() else np.array([6.5 if hand[0] < 0 else -6.5, hand[1]])
                angle = np.arctan2(*(goal - hand)[::-1])
            else:
                goal = 8 * np.array([np.cos(angle), np.sin(angle)])
            onset = go[k, reach] + REACTION_S
            share = np.clip((times - onset) / REACH_S, 0, 1)
            path = hand + (goal - hand) * (share - np.sin(2 * np.pi * share) / (2 * np.pi))[:, None]
            position[times >= onset] = path[times >= onset]
            moving = (times >= onset - 0.1) & (times < onset + REACH_S)
            rate[moving] += 40 * np.maximum(np.cos(angle - tuning), 0)
            hand = goal
    motor.position = position
    motor.spikes = [
        np.sort(times[s] + rng.uniform(0, STEP_S, len(s)))
        for s in (np.repeat(np.arange(len(times)), rng.poisson(r * STEP_S)) for r in rate.T)
    ]
    result = np.array(["R"] * trials, dtype=object)
    result[5::9] = "F"
    motor.trials = {"start_time": start, "stop_time": start + length, "result": result}
    if task == "CO":
        motor.trials |= {
            "target_on_time": start + 0.1,
            "go_cue_time": go[:, 0],
            "target_dir": direction,
            "target_id": (np.arange(trials) % 8).astype(float),
        }
    else:
        motor.trials |= {
            "go_cue_time_array": go,
            "num_attempted": np.full(trials, 4.0),
            "target_id": np.zeros((trials, 4)),
        }
    return motor


def write(motor: Motor, folder: Path) -> Path:
    """The file, in the archive's own folder below the given one."""
    when = datetime.datetime.strptime(motor.day, "%Y%m%d").replace(tzinfo=datetime.UTC)
    nwb = NWBFile(
        f"monkey {motor.monkey}",
        f"{motor.monkey}-{motor.day}",
        when,
        session_id=f"sub-{motor.monkey}_ses-{motor.task}-{motor.day}",
    )
    nwb.subject = Subject(subject_id=motor.monkey, species="Macaca mulatta", sex="M", age="P8Y")
    if motor.electrodes:
        device = nwb.create_device("array")
        groups = {
            area: nwb.create_electrode_group(
                f"electrode_group_{area}", f"96-electrode Utah array in {area}", area, device
            )
            for area in dict.fromkeys(motor.areas)
        }
        for area in motor.areas:
            nwb.add_electrode(location=area, group=groups[area])
    for unit, spikes in enumerate(motor.spikes):
        nwb.add_unit(spike_times=spikes, **({"electrodes": [unit]} if motor.electrodes else {}))
    times = np.arange(len(motor.position)) * STEP_S
    velocity = np.gradient(motor.position, STEP_S, axis=0)
    behaviour = nwb.create_processing_module("behavior", "Processed Behavioral data")
    if "position" in motor.series:
        series = SpatialSeries(
            name="cursor_pos", data=motor.position, unit="cm", timestamps=times, reference_frame="screen"
        )
        behaviour.add(Position(spatial_series=series))
    for name, short, values, unit in (
        ("Velocity", "cursor_vel", velocity, "cm/s"),
        ("Acceleration", "cursor_acc", np.gradient(velocity, STEP_S, axis=0), "cm/s^2"),
    ):
        if name.lower() in motor.series:
            behaviour.add(
                BehavioralTimeSeries(
                    time_series=TimeSeries(name=short, data=values, unit=unit, timestamps=times), name=name
                )
            )
    for name in motor.trials:
        if name not in ("start_time", "stop_time"):
            nwb.add_trial_column(name, name)
    for row in zip(*motor.trials.values()):
        nwb.add_trial(**dict(zip(motor.trials, row)))
    path = folder / f"sub-{motor.monkey}" / f"sub-{motor.monkey}_ses-{motor.task}-{motor.day}_behavior+ecephys.nwb"
    path.parent.mkdir(parents=True, exist_ok=True)
    with NWBHDF5IO(str(path), "w") as io:
        io.write(nwb)
    return path
