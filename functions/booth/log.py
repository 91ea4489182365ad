"""One logger and one set of metrics for every function.

Powertools writes JSON lines and CloudWatch's embedded metrics. Each handler appends the run's id once it knows it.
"""

import warnings

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

# Many calls have nothing to count.
warnings.filterwarnings("ignore", "No application metrics to publish*")

logger = Logger()
metrics = Metrics()


def count(name: str, value: int = 1) -> None:
    """Count something the operator watches."""
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)
