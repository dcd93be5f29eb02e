"""Tests of the benchmark: it measures every page, and leaves no process behind."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests.bench.load import Burst
from tests.bench.measuring import Cell
from tests.bench.results import percentile, render, summarize

RUN = [sys.executable, "-m", "tests.bench"]


def environment_of(folder: Path) -> dict[str, str]:
    return os.environ | {"SCALE": "tiny", "VAR_DIR": str(folder), "PYTHONWARNINGS": "ignore"}


def processes_in(folder: Path) -> list[str]:
    """Return the command lines of the processes that have this folder in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder).encode() in (path / "environ").read_bytes():
                found.append((path / "cmdline").read_text())
        except OSError:  # it has just ended
            continue
    return found


@pytest.mark.slow
def test_bench_measures_every_page(tmp_path: Path) -> None:
    done = subprocess.run(RUN, env=environment_of(tmp_path), cwd=settings.BASE_DIR, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "bench" / "results.json").read_text())
    rows = {(row["page"], row["server"]): row for row in results["pages"]}
    assert {server for _page, server in rows} == {"shop", "shop, no cache", "baseline"}
    for row in rows.values():
        assert row["rate"] > 0, row
        assert row["cpu_ms"] > 0, row
    assert rows["list", "baseline"]["bytes"] == rows["list", "shop"]["bytes"]
    assert rows["product", "shop, no cache"]["statements"] >= 1
    assert rows["guest checkout", "shop"]["statements"] > 20
    assert rows["guest checkout, instant gateway", "shop"]["cpu_ms"] > 0
    assert set(results["stress"]) <= {"200", "302", "404"}
    assert processes_in(tmp_path) == []


@pytest.mark.slow
def test_stopped_bench_stops_its_servers(tmp_path: Path) -> None:
    with subprocess.Popen(RUN, env=environment_of(tmp_path), cwd=settings.BASE_DIR, stdout=subprocess.PIPE) as bench:
        assert bench.stdout is not None
        assert b"Filling a shop" in bench.stdout.readline()
        bench.send_signal(signal.SIGINT)
        bench.stdout.read()
        assert bench.wait(60) == 130
    assert processes_in(tmp_path) == []
    assert list((tmp_path / "bench").iterdir()) == []


def make_cell(server: str, seconds: float, cpu: float) -> Cell:
    return Cell("product", server, [Burst(seconds, cpu, [0.001] * 100)], 2, 900)


def test_summary_compares_rates_and_processor_time_with_the_baseline() -> None:
    shop, bare = summarize([make_cell("shop", seconds=0.5, cpu=0.3), make_cell("baseline", seconds=1, cpu=0.1)])
    assert (shop["rate"], shop["of_baseline"], shop["cpu_ms"], shop["times_product"]) == (200, 200, 3, 3)
    assert bare["of_baseline"] == 100


def test_percentile_is_one_of_the_values() -> None:
    values = range(1, 101)
    assert [percentile(values, share) for share in (0.5, 0.99, 1)] == [50, 99, 100]


def test_table_shows_a_dash_for_a_missing_figure() -> None:
    assert (
        render([{"page": "list"}], {"page": "page", "rate": "per second"}).splitlines()[-1] == "| list | -          |"
    )
