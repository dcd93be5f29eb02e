"""The home page of the admin: today's work, the sales of the last days, and the lists of all models."""
