"""What a latent is inferred from and decoded to: activity, a series, a video. Each is encoded to a Gaussian over the same latents."""
