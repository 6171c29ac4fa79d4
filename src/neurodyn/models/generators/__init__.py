"""Generators: how the state of a latent dynamical system moves from one bin to the next."""
