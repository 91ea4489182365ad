"""A load test of the local application: what visitors see, what a photo costs, which promises are kept."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "functions"))  # as in Lambda
