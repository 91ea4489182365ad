"""What the project's SageMaker endpoints share: their CloudFormation stack, AWS's SDK, how they are deployed."""

from tools import interrupt  # noqa: F401  first, so that Ctrl-C is one line from the beginning
