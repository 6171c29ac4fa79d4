"""How the units of any subject enter one encoder and leave one decoder."""
