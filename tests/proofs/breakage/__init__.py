"""An app that breaks the shop on purpose in servers of the tests, as environment variables say.

BREAK_VERSIONS=on: pages from the cache are not checked against the versions in the database.
DIE_AT: the process ends before or after the commit of a statement, such as `after UPDATE "products_product"`.
"""
