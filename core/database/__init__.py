"""The database: a faster check of connections to PostgreSQL, and queries whose SQL is made once."""
