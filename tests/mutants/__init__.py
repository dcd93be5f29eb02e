"""Mutation testing. `make mutate` changes one place of the code at a time and expects a test to fail."""
