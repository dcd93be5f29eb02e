"""The results table at the end of `make prove`. `python -m tests.proofs.results_table` prints the last one again."""

import json
import sys
from collections import Counter
from pathlib import Path

from ecommerce.settings import VAR_DIR

PROBLEM_CATEGORIES = {
    "double_charges": "double charges",
    "lost_orders": "lost orders",
    "oversold": "oversold",
    "unexplained": "unexplained rows",
    "stale": "stale pages",
    "leaked": "leaked data",
    "server_errors": "responses >= 500",
}
FOLDER = VAR_DIR / "proofs"
Lines = dict[tuple[str, str], Counter[str]]


def read(folder: Path) -> Lines:
    """Return the sums of each proof on each database, from the lines that the tests wrote."""
    lines: Lines = {}
    for path in sorted(folder.glob("*.jsonl")):
        for text in path.read_text(encoding="utf-8").splitlines():
            line = json.loads(text)
            lines.setdefault((line.pop("proof"), path.stem), Counter()).update(line)
    return dict(sorted(lines.items()))


def is_clean(lines: Lines) -> bool:
    """Return whether something was tried, no problem was found and every control was caught."""
    return bool(lines) and not any(line[name] for line in lines.values() for name in (*PROBLEM_CATEGORIES, "missed"))


def render_table(lines: Lines) -> str:
    """Return the results table as Markdown."""
    rows = [["what was tried", "database", "times", *PROBLEM_CATEGORIES.values(), "controls caught"]]
    for (proof, database), line in lines.items():
        controls = f"{line['caught']} of {line['caught'] + line['missed']}" if line["caught"] + line["missed"] else "-"
        rows.append(
            [proof, database, f"{line['tried']:,}", *[f"{line[name]:,}" for name in PROBLEM_CATEGORIES], controls]
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    )


def print_table(folder: Path, passed: bool = True) -> bool:
    """Print the table. Return whether everything is proved: every test `passed` and the table is clean."""
    lines = read(folder)
    is_proved = passed and is_clean(lines)
    verdict = "Proved: no problem was found and every control was caught." if is_proved else "NOT PROVED, see above."
    sys.stdout.write(f"\n{render_table(lines)}\n\n{verdict}\n")
    return is_proved


if __name__ == "__main__":
    sys.exit(not print_table(FOLDER))
