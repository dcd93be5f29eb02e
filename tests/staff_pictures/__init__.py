"""Takes the pictures of docs/staff.md from a running shop with sample data. `make staff-pictures` runs it."""
