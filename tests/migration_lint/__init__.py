"""A check that a migration can run while the previous version serves, and that released migrations never change.

`make lint` runs `python -m tests.migration_lint`. A release runs it with `--release`. docs/decisions/migrations.md
describes the rules.
"""
