"""Where latents lie in a larger space, by name."""
