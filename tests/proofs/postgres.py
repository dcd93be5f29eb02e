"""A PostgreSQL database for the proofs: the one in the environment, or a temporary server on the loopback interface."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

OWNER = "postgres"  # the server refuses to run as root
OPTIONS = "-c fsync=off -c max_connections=300 -c listen_addresses=127.0.0.1"


@contextmanager
def database_url() -> Iterator[str | None]:
    """Yield the URL of a PostgreSQL database, or None.

    Use PROVE_DATABASE_URL, or else DATABASE_URL if it is set to PostgreSQL, or else start a server for this run.
    """
    configured_url = os.environ.get("PROVE_DATABASE_URL") or os.environ.get("DATABASE_URL", "")
    programs = _programs()
    if configured_url.startswith("postgres"):
        yield configured_url
    elif programs is None:
        yield None
    else:
        with tempfile.TemporaryDirectory(prefix="proofs-") as folder, _server(programs, Path(folder)) as url:
            yield url


def _programs() -> Path | None:
    """Return the folder with initdb and pg_ctl, which Debian does not add to the PATH, or None."""
    newest_first = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/lib/postgresql/15/bin", *map(str, newest_first)])
    found = shutil.which("initdb", path=path)
    return Path(found).resolve().parent if found and (Path(found).resolve().parent / "pg_ctl").exists() else None


@contextmanager
def _server(programs: Path, folder: Path) -> Iterator[str]:
    if os.geteuid() == 0:
        shutil.chown(folder, OWNER)
    with socket.create_server(("127.0.0.1", 0)) as server_socket:
        port = server_socket.getsockname()[1]
    data = str(folder / "data")
    _run(folder, programs / "initdb", "-D", data, "-A", "trust", "-U", OWNER, "-E", "UTF8", "--locale=C", "--no-sync")
    server = [programs / "pg_ctl", "-D", data, "-w", "-l", str(folder / "log")]
    _run(folder, *server, "-o", f"{OPTIONS} -p {port} -k {folder}", "start")
    try:
        yield f"postgres://{OWNER}@127.0.0.1:{port}/{OWNER}"
    finally:
        _run(folder, *server, "-m", "immediate", "stop")


def _run(folder: Path, *command: Any) -> None:
    owner: dict[str, Any] = {"user": OWNER, "group": OWNER, "extra_groups": []} if os.geteuid() == 0 else {}
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, **owner)
