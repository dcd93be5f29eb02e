"""Django's database backend for PostgreSQL with a faster check of kept connections."""
