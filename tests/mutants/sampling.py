"""The sample of mutants: the same for the same code, and from every module."""

from collections.abc import Iterable

from tests.mutants.mutations import Mutant, meaning

SIZE = 300
LEAST = 5  # per module, if it has that many


def shares(counts: dict[str, int], size: int = SIZE, least: int = LEAST) -> dict[str, int]:
    """Divide `size` among the modules in proportion to their numbers of mutants, with at least `least` for each."""
    base = {path: min(least, count) for path, count in counts.items()}
    left, available = max(0, size - sum(base.values())), sum(counts.values()) - sum(base.values())
    exact = {path: min(1, left / available) * (counts[path] - base[path]) if available else 0 for path in counts}
    share = {path: base[path] + int(exact[path]) for path in counts}
    by_remainder = sorted(counts, key=lambda path: (int(exact[path]) - exact[path], path))
    for path in by_remainder[: left - sum(map(int, exact.values()))]:
        share[path] += share[path] < counts[path]
    return share


def draw(
    mutants: Iterable[Mutant], sources: dict[str, str], size: int | None = SIZE, least: int = LEAST
) -> list[Mutant]:
    """Return a sample of `size` mutants, or all if `size` is None. Those that mean the same are drawn once."""
    by_module: dict[str, list[Mutant]] = {path: [] for path in sources}
    seen = set()
    for mutant in sorted(mutants, key=lambda mutant: mutant.key):
        part = mutant.part(sources[mutant.path])
        if part is not None and (mutant.path, mutant.start, meaning(part)) not in seen:
            seen.add((mutant.path, mutant.start, meaning(part)))
            by_module[mutant.path].append(mutant)
    counts = {path: len(found) for path, found in by_module.items()}
    share = counts if size is None else shares(counts, size, least)
    drawn = [mutant for path, found in by_module.items() for mutant in found[: share[path]]]
    return sorted(drawn, key=lambda mutant: mutant.key)
