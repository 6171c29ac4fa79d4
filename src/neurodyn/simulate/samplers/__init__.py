"""Noise of recorded units, by name."""
