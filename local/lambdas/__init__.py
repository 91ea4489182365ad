"""Runs Lambda functions on this machine, unmodified, each in processes of its own.

A worker is one operating-system process under awslambdaric, the runtime client of AWS's own Python images,
and a small HTTP server which speaks the Lambda Runtime API to that process alone. As in Lambda, a worker
handles one invocation at a time, sees only its own environment, is kept warm, and is killed when the
function's timeout is over. Workers are forked from a process that has imported the function
(`local.lambdas.forkserver`).

Not imitated: memory is announced to the function but not limited, /tmp is the machine's own, and a worker may
take `INIT_SECONDS` to start where Lambda gives 10 s, because a laptop starts many at once on few cores.

Sources: AWS Lambda's pages "Using the Lambda runtime API for custom runtimes" and "Lambda quotas", and the
reference of its Invoke API.
"""
