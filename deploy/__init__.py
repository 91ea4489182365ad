"""What `make build`, `make deploy` and `make destroy` do beside AWS's own `sam`."""
