"""What talks to a booth, here or on AWS, over its HTTP API."""
