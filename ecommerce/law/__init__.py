"""The duties of consumer law, and what this shop is missing. See docs/law.md. This is not legal advice."""
