"""Configuration of the web server. gunicorn reads this file from the current directory; its command line has priority.

Run `gunicorn` without arguments. It reads WEB_BIND, WEB_CONCURRENCY (processes) and WEB_THREADS (in each).
"""

import gc
import os
from pathlib import Path
from typing import Any

wsgi_app = "ecommerce.wsgi"
bind = os.environ.get("WEB_BIND", "127.0.0.1:8000")

# Threads, because a request mostly waits for the database or Stripe. A thread has a database connection of its own.
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = int(os.environ.get("WEB_THREADS", "8"))

# The first process loads the shop once and forks, so the workers share its memory. A new release needs a restart,
# because a reload (SIGHUP) starts workers with the code that is loaded.
preload_app = True
# Workers are replaced before small leaks add up, not all at once.
max_requests = 20_000
max_requests_jitter = 4_000
graceful_timeout = 30  # a payment that has begun ends, also if Stripe is slow
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a disk could delay the heartbeat

# Trust no header of any proxy here. Settings decide about X-Forwarded-For and X-Forwarded-Proto (TRUSTED_PROXIES). By
# default, gunicorn also takes SCRIPT_NAME from a header that comes through this machine. That would evade the proxy's
# rules for paths, and put wrong links into stored pages.
forwarder_headers = ""
forwarded_allow_ips = ""

limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190  # all cookies of the shop are in one field

accesslog = None  # the shop and the proxy log requests
control_socket_disable = True  # its path is the same for all servers of a user


def on_starting(server: Any) -> None:
    """Import Stripe's package before the workers start, so that they share it and no first payment waits for it."""
    import stripe  # noqa: F401, TID251 - only loaded here

    gc.collect()
    gc.freeze()
