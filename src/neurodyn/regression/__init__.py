"""Regressions with many outputs on the same features, in NumPy: what models, metrics and reports fit by one solve."""
