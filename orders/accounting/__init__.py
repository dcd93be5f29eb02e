"""Revenue and refunds for the accountant, by tax rate and country, as CSV files."""
