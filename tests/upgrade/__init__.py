"""What the previous release left, and how it is captured; `tests/local/test_upgrade.py` has today's code finish it."""
