"""How recordings of motor cortex during reaching are prepared, one step a file (Safaie et al. 2023, doi:10.1038/s41586-023-06714-0)."""
