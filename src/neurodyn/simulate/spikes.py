"""The names that `neurodyn.simulate.linear_nonlinear` is imported by elsewhere."""

from neurodyn.simulate.linear_nonlinear import LinearNonlinear as LinearNonlinearPoisson
from neurodyn.simulate.linear_nonlinear import LinearNonlinearConfig as LinearNonlinearPoissonConfig

__all__ = ["LinearNonlinearPoisson", "LinearNonlinearPoissonConfig"]
