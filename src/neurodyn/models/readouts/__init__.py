"""Readouts: from factors to the parameters of each channel."""
