"""A drill: the whole installation under load, while its parts are killed, frozen and locked. `make drill` runs it."""
