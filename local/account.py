"""The emulated account, and the Region that the booth is in."""

ACCOUNT = "123456789012"  # moto's default
REGION = "us-east-1"
