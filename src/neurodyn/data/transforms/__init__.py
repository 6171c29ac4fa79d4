"""Transforms: what training batches go through."""
