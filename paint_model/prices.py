"""What an instance costs an hour. docs/paint-endpoint.md has the sources, and which of them are unverified."""

HOURLY = {
    "ml.g5.xlarge": 1.408,
    "ml.g5.2xlarge": 1.515,
    "ml.g6.xlarge": 1.127,
    "ml.g6.2xlarge": 1.222,
    "ml.g6e.xlarge": 2.605,
}
"""US dollars in us-east-1, on demand, by instance type."""
