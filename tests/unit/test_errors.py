"""Names of errors, ours and Step Functions', as our classes."""

from booth.errors import AccessDenied, InternalError, ServiceUnavailable, Throttled, TimedOut, kind_of


def test_names_of_errors_that_step_functions_reports():
    assert kind_of("States.Timeout") is TimedOut
    for lost in ("Lambda.Unknown", "Sandbox.Timedout", "Runtime.ExitError", "Lambda.TooManyRequestsException"):
        assert kind_of(lost) is ServiceUnavailable
    for ours in (Throttled, AccessDenied):
        assert kind_of(ours.__name__) is ours
    for defect in ("KeyError", "Conflict", "", "States.Runtime"):
        assert kind_of(defect) is InternalError
