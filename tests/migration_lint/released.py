"""The released migrations: their files and checksums, in `released.txt`."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from django.conf import settings

ROOT = Path(settings.BASE_DIR)
FILE = Path(__file__).with_name("released.txt")


def _checksum(file: Path) -> str:
    """Return the checksum of a file, which does not depend on its line endings."""
    return sha256(file.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def _checksums(file: Path) -> dict[str, str]:
    """Return the checksums of the released migrations by path."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return {path: checksum for checksum, path in (line.split() for line in lines)}


def names(file: Path = FILE) -> set[tuple[str, str]]:
    """Return the app and the name of each released migration."""
    return {(Path(path).parts[0], Path(path).stem) for path in _checksums(file)}


def changed(file: Path = FILE, root: Path = ROOT) -> Iterator[str]:
    """Yield a sentence for each released migration that was changed or deleted."""
    for path, checksum in _checksums(file).items():
        if not (root / path).is_file():
            yield f"{path}: a released migration was deleted. Databases have run it. Restore it."
        elif _checksum(root / path) != checksum:
            yield f"{path}: a released migration was changed. Databases have run it. Restore it and add a new one."


def release(file: Path = FILE, root: Path = ROOT) -> int:
    """Write the checksums of all migrations of the shop. Return their number."""
    files = sorted(path for path in root.glob("*/migrations/*.py") if path.stem != "__init__")
    lines = [f"{_checksum(path)}  {path.relative_to(root).as_posix()}\n" for path in files]
    file.write_text("".join(lines), encoding="utf-8")
    return len(lines)
