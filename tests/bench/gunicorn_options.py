"""Options of gunicorn for the shop and the bare site. The rest are its defaults, so that the figures compare.

Without this module, gunicorn would read the shop's gunicorn.conf.py.
"""

control_socket_disable = True
graceful_timeout = 2
loglevel = "error"
