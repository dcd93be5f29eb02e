"""Run all proofs on both databases and print the results table. `make prove` calls this module."""

import os
import subprocess
import sys
from pathlib import Path

from ecommerce.settings import BASE_DIR
from tests.proofs import postgres, results_table

SCALE = os.environ.get("SCALE") or "full"


def prove(database: str, url: str, options: list[str]) -> bool:
    """Run all proofs on one database. Return whether every test passed."""
    variables = {"DATABASE_URL": url, "PROOF_RESULTS": str(results_table.FOLDER / f"{database}.jsonl")}
    environment = os.environ | variables | {"SCALE": SCALE, "VAR_DIR": str(results_table.FOLDER)}
    sys.stdout.write(f"\n=== The proofs on {database} ===\n")
    sys.stdout.flush()
    command = [sys.executable, "-m", "pytest", str(Path(__file__).parent), *options]
    return subprocess.run(command, env=environment, cwd=BASE_DIR).returncode == 0


def main(options: list[str]) -> bool:
    """Run all proofs and pass `options` on to pytest. Return whether everything was proved.

    In CI this includes PostgreSQL: return False there if PostgreSQL was not found.
    """
    if SCALE not in ("quick", "small", "full"):
        sys.exit(f"SCALE={SCALE} is not one of quick, small and full.")
    results_table.FOLDER.mkdir(parents=True, exist_ok=True)
    for results in results_table.FOLDER.glob("*.jsonl"):
        results.unlink()
    passed = prove("SQLite", f"sqlite:///{results_table.FOLDER / 'shop.sqlite3'}", options)
    with postgres.database_url() as url:
        if url:
            passed &= prove("PostgreSQL", url, options)
    is_proved = results_table.print_table(results_table.FOLDER, passed)
    if url is None:
        sys.stdout.write("PostgreSQL was not found, so only SQLite was tested. (apt-get install postgresql)\n")
    return is_proved and (url is not None or not os.environ.get("CI"))


if __name__ == "__main__":
    sys.exit(not main(sys.argv[1:]))
