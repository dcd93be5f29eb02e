"""The results as tables and as JSON."""

import json
import math
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.load import Burst
from tests.bench.measuring import Cell

BASELINE, PRODUCT = "baseline", "product"
COLUMNS = {
    "page": "page", "server": "server", "rate": "per second", "spread": "lowest-highest", "p50_ms": "p50 ms",
    "p99_ms": "p99 ms", "cpu_ms": "CPU ms", "statements": "statements", "bytes": "bytes",
    "of_baseline": "% of baseline", "times_product": "x bare product",
}  # fmt: skip
Row = dict[str, Any]


def percentile(values: Iterable[float], share: float) -> float:
    """Return the smallest value that is at least as large as this share of the values."""
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def summarize(cells: Sequence[Cell]) -> list[Row]:
    """Return one row for each page and server."""
    by_key = {(cell.page, cell.server): cell for cell in cells}
    product = by_key.get((PRODUCT, BASELINE))
    product_cpu = _cpu_ms(product) if product else 0
    return [_summarize(cell, by_key.get((cell.page, BASELINE)), product_cpu) for cell in cells]


def _summarize(cell: Cell, baseline: Cell | None, product_cpu: float) -> Row:
    rates = [burst.rate for burst in cell.bursts]
    latencies = [seconds * 1000 for burst in cell.bursts for seconds in burst.latencies]
    cpu = _cpu_ms(cell)
    return {
        "page": cell.page,
        "server": cell.server,
        "rate": round(median(rates), 1),
        "spread": f"{min(rates):.0f}-{max(rates):.0f}",
        "p50_ms": round(percentile(latencies, 0.5), 2),
        "p99_ms": round(percentile(latencies, 0.99), 2),
        "cpu_ms": round(cpu, 2),
        "statements": cell.statements,
        "bytes": cell.bytes or None,
        "of_baseline": _percent(cell.bursts, baseline.bursts if baseline else []),
        "times_product": round(cpu / product_cpu, 1) if product_cpu and cpu else None,
    }


def _cpu_ms(cell: Cell) -> float:
    """Return the processor time of the workers for one request, as the median of the rounds."""
    return median(1000 * burst.cpu / len(burst.latencies) for burst in cell.bursts)


def _percent(bursts: Sequence[Burst], baseline: Sequence[Burst]) -> float | None:
    """Return the median of the ratios of the rates, each from one round."""
    ratios = [ours.rate / bare.rate for ours, bare in zip(bursts, baseline, strict=False)]
    return round(100 * median(ratios), 1) if ratios else None


def render(rows: Sequence[Row], columns: dict[str, str] | None = None) -> str:
    """Return a Markdown table."""
    names = columns or COLUMNS
    cells = [list(names.values()), *[[_text(row.get(name)) for name in names] for row in rows]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    cells.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "| " + " | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) + " |" for line in cells
    )


def _text(value: Any) -> str:
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def write(path: Path, results: dict[str, Any]) -> None:
    """Write the results as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def say(text: str) -> None:
    """Print progress or a table."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
