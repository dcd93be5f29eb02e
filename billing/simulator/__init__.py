"""A small stateful stand-in for Stripe on loopback, for the demo shop and the tests."""
