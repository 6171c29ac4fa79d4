"""PNBA's network as it was published, layer for layer."""
