"""Many visitors of the local application at once: what they see, what it costs, which promises it keeps."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "functions"))  # as in Lambda
