"""How well the latents of different subjects agree, with what such a number is worth nothing without."""
