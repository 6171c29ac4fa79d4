"""Integrators: one step of the underdamped Langevin equation."""
