"""Longer, seeded attempts to lose or break an index: `python -m tests.faults --help`."""
