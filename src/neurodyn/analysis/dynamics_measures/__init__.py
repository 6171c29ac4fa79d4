"""Measures of learned dynamics, one a file."""
