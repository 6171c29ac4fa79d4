"""What a similarity is worth nothing without: held-out conditions, baselines, ceilings, lags and intervals."""
