"""Parts of the audit, and what a finding is."""
