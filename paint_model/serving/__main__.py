"""Starts the process that paints."""

import sys

from paint_model.serving.process import main

sys.exit(main(sys.argv[1:]))
