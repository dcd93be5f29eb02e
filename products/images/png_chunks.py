"""The chunks of a PNG file, for which Pillow can use much more memory than the file has bytes."""

import struct
from io import BytesIO
from typing import IO

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Everything else is text, animation or unknown. A text of a kilobyte can expand to four megabytes.
KEPT = frozenset([b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"iCCP", b"gAMA", b"cHRM", b"sRGB", b"eXIf"])


def without_text(file: IO[bytes]) -> IO[bytes]:
    """Return a PNG file with only the chunks that decide how the picture looks. Return other files unchanged."""
    file.seek(0)
    if file.read(len(SIGNATURE)) != SIGNATURE:
        file.seek(0)
        return file
    kept = BytesIO()
    kept.write(SIGNATURE)
    while len(head := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", head)
        if name in KEPT:
            kept.write(head + file.read(length + 4))
        else:
            file.seek(length + 4, 1)
        if name == b"IEND":
            break
    kept.seek(0)
    return kept
