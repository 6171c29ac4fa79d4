"""Potentials: the energy landscapes that latent positions move in."""
