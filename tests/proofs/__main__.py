"""Run all proofs on both databases and end in the table: what `make prove` calls."""

import os
import subprocess
import sys
from pathlib import Path

from ecommerce.settings import BASE_DIR
from tests.proofs import postgres, table

SCALE = os.environ.get("SCALE") or "full"


def prove(database: str, url: str, options: list[str]) -> bool:
    """All proofs on one database; whether every test passed."""
    variables = {"DATABASE_URL": url, "PROOF_RESULTS": str(table.FOLDER / f"{database}.jsonl")}
    environment = os.environ | variables | {"SCALE": SCALE, "VAR_DIR": str(table.FOLDER)}
    sys.stdout.write(f"\n=== The proofs on {database} ===\n")
    sys.stdout.flush()
    command = [sys.executable, "-m", "pytest", str(Path(__file__).parent), *options]
    return subprocess.run(command, env=environment, cwd=BASE_DIR).returncode == 0


def main(options: list[str]) -> bool:
    """Whether everything was proved; `options` are handed on to pytest."""
    if SCALE not in ("quick", "small", "full"):
        sys.exit(f"SCALE={SCALE} is none of quick, small and full.")
    table.FOLDER.mkdir(parents=True, exist_ok=True)
    for old in table.FOLDER.glob("*.jsonl"):
        old.unlink()
    passed = prove("SQLite", f"sqlite:///{table.FOLDER / 'shop.sqlite3'}", options)
    with postgres.database_url() as url:
        if url:
            passed &= prove("PostgreSQL", url, options)
    is_proved = table.show(table.FOLDER, passed)
    if url is None:
        sys.stdout.write("PostgreSQL was not found, so this is about SQLite alone. (apt-get install postgresql)\n")
    return is_proved and (url is not None or not os.environ.get("CI"))


if __name__ == "__main__":
    sys.exit(not main(sys.argv[1:]))
