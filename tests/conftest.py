"""One thread a process, set before NumPy and PyTorch load: processes side by side (`pytest -n 2`) with as many threads as cores each take ten times as long."""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
