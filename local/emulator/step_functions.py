"""Step Functions, as moto emulates it."""

import time
from functools import cache


@cache
def let_executions_begin_before_they_stop() -> None:
    """Once in a process: moto's StopExecution fails, or is without effect, before the execution's thread has come to
    the first state."""
    from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

    stop = ExecutionWorker.stop

    def stop_when_begun(worker: ExecutionWorker, **how: object) -> None:
        until = time.monotonic() + 5
        while worker.env is None or len(worker.env.event_manager.get_event_history()) < 2:  # started, state entered
            if time.monotonic() > until:
                break  # its thread has died
            time.sleep(0.005)
        stop(worker, **how)

    ExecutionWorker.stop = stop_when_begun
