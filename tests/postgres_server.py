"""A temporary PostgreSQL server on the loopback interface, which tests can also freeze, stop and start again."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.ports import free_port

OWNER = "postgres"  # the server refuses to run as root
OPTIONS = "-c fsync=off -c max_connections=300 -c listen_addresses=127.0.0.1"
NO_POSTGRESQL = "No PostgreSQL server. Install it: `apt-get install postgresql`."


class PostgresServer:
    """A server in a folder. It is stopped at first."""

    is_running = False

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs, self.folder, self.data = programs, folder, folder / "data"
        self.port = free_port()
        self.url = f"postgres://{OWNER}@127.0.0.1:{self.port}/{OWNER}"
        if os.geteuid() == 0:
            shutil.chown(folder, OWNER)
        self._run("initdb", "-D", self.data, "-A", "trust", "-U", OWNER, "-E", "UTF8", "--locale=C", "--no-sync")

    def command(self) -> list[str]:
        """Return the command that runs the server in the foreground."""
        owner = ["runuser", "-u", OWNER, "--"] if os.geteuid() == 0 else []
        options = f"{OPTIONS} -c port={self.port} -k {self.folder}".split()
        return [*owner, str(self.programs / "postgres"), "-D", str(self.data), *options]

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        self._control("-o", f"{OPTIONS} -p {self.port} -k {self.folder}", "start")
        self.is_running = True

    def stop(self) -> None:
        """Stop the server as a crash would."""
        self._control("-m", "immediate", "stop")
        self.is_running = False

    def freeze(self) -> None:
        """Suspend all processes of the server. The system still accepts what is sent to them."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        self._send(signal.SIGCONT)

    def _send(self, number: int) -> None:
        main = int((self.data / "postmaster.pid").read_text().split()[0])
        os.kill(main, number)
        for child in Path(f"/proc/{main}/task/{main}/children").read_text().split():
            with suppress(ProcessLookupError):  # it ended since the list was read
                os.kill(int(child), number)

    def _control(self, *arguments: Any) -> None:
        self._run("pg_ctl", "-D", self.data, "-w", "-l", self.folder / "log", *arguments)

    def _run(self, program: str, *arguments: Any) -> None:
        owner: dict[str, Any] = {"user": OWNER, "group": OWNER, "extra_groups": []} if os.geteuid() == 0 else {}
        command = [self.programs / program, *arguments]
        subprocess.run(command, cwd=self.folder, check=True, stdout=subprocess.DEVNULL, **owner)


@contextmanager
def running_postgres() -> Iterator[PostgresServer | None]:
    """Run an empty server in the context. Yield None if PostgreSQL is not installed."""
    programs = find_programs()
    if programs is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        server = PostgresServer(programs, Path(folder))
        server.start()
        try:
            yield server
        finally:
            if server.is_running:
                server.stop()


def find_programs() -> Path | None:
    """Return the folder with initdb and pg_ctl, which Debian does not add to the PATH, or None."""
    newest_first = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/lib/postgresql/15/bin", *map(str, newest_first)])
    found = shutil.which("initdb", path=path)
    return Path(found).resolve().parent if found and (Path(found).resolve().parent / "pg_ctl").exists() else None
