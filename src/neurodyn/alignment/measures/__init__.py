"""Measures of an alignment, one file each."""
