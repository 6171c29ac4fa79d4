"""Analyses of fitted models and simulators: what the network does."""
