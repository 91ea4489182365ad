"""The functions' logger and metrics: Powertools' JSON lines and CloudWatch's embedded metric format.

`booth.handlers` flushes the metrics. Handlers append the run's id to the log's keys once they know it.
"""

import threading
import warnings

from aws_lambda_powertools import Logger, Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit

# Many invocations count nothing.
warnings.filterwarnings("ignore", "No application metrics to publish*")

logger = Logger()
metrics = Metrics()


_counting = threading.Lock()


def count(name: str, value: int = 1) -> None:
    """Adds `value` to a CloudWatch metric (unit Count). Thread-safe."""
    with _counting:  # Powertools' metrics are not thread-safe
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)


def measure(name: str, value: float, **dimensions: str) -> None:
    """Writes a CloudWatch metric without a unit, with these dimensions beside the booth's own. Thread-safe."""
    with single_metric(name=name, unit=MetricUnit.NoUnit, value=value) as metric:
        for dimension, of in dimensions.items():
            metric.add_dimension(dimension, of)


def set_run_id(run_id: str) -> None:
    """Adds this run's id to the log lines of the calling thread."""
    logger.thread_safe_append_keys(run=run_id)
