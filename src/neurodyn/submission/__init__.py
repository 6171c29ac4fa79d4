"""The Neural Latents Benchmark's submission file: gathered from runs, checked, scored."""
