"""What operators need: checks of the settings, maintenance mode, and probes for load balancers and monitoring."""
