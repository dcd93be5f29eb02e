"""The benchmark that `make bench` runs.

It is part of the tests, because it starts servers with separate settings. No module of the shop imports it.
"""
