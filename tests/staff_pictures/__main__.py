"""Take the pictures of docs/staff.md. `make staff-pictures` calls this module.

The shop runs as in the browser tests, with a database and a folder for uploads that are deleted afterwards.
Pass headings of docs/staff.md to take only their pictures.
"""

import os
import subprocess
import sys
from pathlib import Path

from ecommerce.settings import BASE_DIR


def main(headings: list[str]) -> int:
    """Take the pictures and return the exit status."""
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-n0", str(Path(__file__).with_name("taking.py"))]
    environment = os.environ | {"ONLY": "\n".join(headings)}
    return subprocess.run(command, env=environment, cwd=BASE_DIR).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
