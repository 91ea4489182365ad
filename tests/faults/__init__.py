"""The fault matrix: what happens when a call to AWS fails (`make faults`, docs/faults.md)."""
