"""A small, stateful stand-in for Stripe's API, served on loopback for the demo shop and the tests."""
