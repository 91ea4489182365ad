"""Settings of all tests."""

import os

# As the template sets it. Powertools reads it when a function's module is imported, which some tests do early.
os.environ.setdefault("POWERTOOLS_METRICS_NAMESPACE", "PhotoBooth")
