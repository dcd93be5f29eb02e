"""What keeps pages working, or makes them give up in time, while a server that they depend on fails."""
