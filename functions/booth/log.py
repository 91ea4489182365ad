"""One logger and one set of metrics for every function.

Powertools writes JSON lines and CloudWatch's embedded metrics. Each handler appends the run's id once it knows it.
"""

import threading
import warnings

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

# Many calls have nothing to count.
warnings.filterwarnings("ignore", "No application metrics to publish*")

logger = Logger()
metrics = Metrics()


_counting = threading.Lock()


def count(name: str, value: int = 1) -> None:
    """Count something the operator watches."""
    with _counting:  # Powertools' metrics are not thread-safe
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)


def set_run_id(run_id: str) -> None:
    """From here on this thread's log lines carry this run's id."""
    logger.thread_safe_append_keys(run=run_id)
