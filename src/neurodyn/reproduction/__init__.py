"""Published experiments run again: ours beside the published value."""
