"""What keeps visitors from turning the limits, the emails and the calls to Stripe against the shop."""
