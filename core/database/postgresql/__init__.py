"""Django's database backend for PostgreSQL with time limits and a faster check of kept connections."""
