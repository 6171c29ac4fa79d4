"""Recordings laid out as those of the Sensorium 2023 competition: two-photon responses of mouse visual cortex to videos, a folder a mouse."""
