"""What makes rendering pages fast: URLs and HTML of rows that are made once."""
