"""What an operator runs before an event."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "functions"))  # for `booth`, as in Lambda
