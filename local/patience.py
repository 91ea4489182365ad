"""The limits of a run, for a painter that is slower than those on AWS: the one place where they are raised.

On AWS a picture may take 40 s (`booth.limits.MODEL_CALL_SECONDS`), and everything around it is made for that. Here a
laptop may need minutes, so all that bounds a model's call, and what has to outlast that, gets so many seconds more: in
the functions by SLOW_PAINTER_SECONDS, in the template's function and in the state machine here.
"""

import copy
from dataclasses import replace

from local.template.application import Application

FUNCTION, TASK = "GenerateImage", "GenerateImage"
"""The function that calls the image model, and the state that invokes it."""


def with_patience(stack: Application, seconds: int) -> Application:
    """The application whose pictures may take so many seconds longer."""
    if not seconds:
        return stack
    functions = {
        name: replace(
            function,
            environment={**function.environment, "SLOW_PAINTER_SECONDS": str(seconds)},
            timeout=function.timeout + (seconds if name == FUNCTION else 0),
        )
        for name, function in stack.functions.items()
    }
    machines = {}
    for name, machine in stack.state_machines.items():
        definition = copy.deepcopy(machine.definition)
        definition["TimeoutSeconds"] += seconds
        tasks = definition["States"]["GenerateImages"]["ItemProcessor"]["States"]
        tasks[TASK]["TimeoutSeconds"] += seconds
        machines[name] = replace(machine, definition=definition, timeout=definition["TimeoutSeconds"])
    return replace(stack, functions=functions, state_machines=machines)
