"""Neural Latents Benchmark: recordings on a millisecond clock, cut into the benchmark's tensors."""
