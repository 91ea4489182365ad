"""Step Functions: what moto does otherwise where the booth would notice."""

import time
from datetime import UTC, datetime
from functools import cache
from typing import Any

from local.emulator.replacing import replace


@cache
def patch_moto() -> None:
    """Once in a process: retries are counted right, and an execution can be stopped from its beginning, at a time, and
    whatever it is at."""
    from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
    from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
    from moto.stepfunctions.parser.asl.eval.environment import Environment
    from moto.stepfunctions.parser.asl.eval.program_state import ProgramStopped
    from moto.stepfunctions.parser.backend.execution import Execution
    from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

    # Retriers count under a key that each makes when first asked for it: two items of a Map that fail in the same
    # moment would make two, and one of them would be tried once too often.
    replace(EvalComponent, "heap_key", property(id))

    # StopExecution fails, or is without effect, before the execution's thread has come to the first state.
    stop = ExecutionWorker.stop

    def stop_when_begun(worker: ExecutionWorker, **how: Any) -> None:
        until = time.monotonic() + 5
        while worker.env is None or len(worker.env.event_manager.get_event_history()) < 2:  # started, state entered
            if time.monotonic() > until:
                break  # its thread has died
            time.sleep(0.005)
        stop(worker, **how)

    replace(ExecutionWorker, "stop", stop_when_begun)

    # StopExecution answers before the execution's thread has noted when it ended, and would say no time.
    stop_execution = Execution.stop

    def stop_at(execution: Execution, stop_date: datetime, **how: Any) -> None:
        execution.stop_date = execution.stop_date or stop_date
        stop_execution(execution, stop_date=stop_date, **how)

    replace(Execution, "stop", stop_at)

    # What is evaluated of a state after the stop gives nothing, and the rest of the state trips over that: the history
    # would tell of a task that failed without a resource, and the execution would be FAILED instead of ABORTED.
    set_error, from_error = Environment.set_error, ExecutionState._from_error

    def set_error_of_running(environment: Environment, error: Any) -> None:
        if not isinstance(environment.program_state(), ProgramStopped):
            set_error(environment, error)

    def from_error_of_running(state: ExecutionState, env: Environment, ex: Exception) -> Any:
        if isinstance(env.program_state(), ProgramStopped):
            raise ex
        return from_error(state, env, ex)

    replace(Environment, "set_error", set_error_of_running)
    replace(ExecutionState, "_from_error", from_error_of_running)


def stop_all() -> None:
    """Stop every execution: one that tries a function again would call the next application's."""
    from moto.stepfunctions.parser.models import stepfunctions_parser_backends

    backends = [backend for regions in stepfunctions_parser_backends.values() for backend in regions.values()]
    machines = [machine for backend in backends for machine in backend.state_machines]
    executions: list[Any] = [execution for machine in machines for execution in machine.executions]
    for execution in executions:
        if execution.exec_status == "RUNNING":
            execution.stop(stop_date=datetime.now(UTC), error="", cause="")
