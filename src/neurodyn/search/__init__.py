"""Hyperparameter search: random and population-based."""
