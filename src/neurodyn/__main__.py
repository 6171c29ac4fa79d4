"""`python -m neurodyn` is the command line."""

import sys

from neurodyn.cli import main

sys.exit(main())
