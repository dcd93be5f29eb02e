"""The benchmark that `make bench` runs.

It is part of the tests, because it starts servers with settings of its own. No module of the shop imports it.
"""
