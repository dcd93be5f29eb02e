"""Color profiles (ICC) made for tests, and the colors that they mean."""

import struct
from collections.abc import Sequence

Matrix = Sequence[Sequence[float]]
# The columns are the XYZ values of red, green and blue, adapted to D50, as profiles store them.
SRGB = ((0.43607, 0.38515, 0.14307), (0.22249, 0.71687, 0.06061), (0.01392, 0.09708, 0.71410))
DISPLAY_P3 = ((0.51512, 0.29198, 0.15710), (0.24120, 0.69225, 0.06657), (-0.00105, 0.04189, 0.78407))
ADOBE_RGB = ((0.60974, 0.20528, 0.14919), (0.31111, 0.62567, 0.06322), (0.01947, 0.06087, 0.74457))
TO_SRGB = ((3.13386, -1.61687, -0.49061), (-0.97877, 1.91614, 0.03345), (0.07195, -0.22899, 1.40524))
RED_IN_LAB = (54, 81, 70)


def profile(space: bytes, tags: dict[bytes, bytes], pcs: bytes = b"XYZ ", kind: bytes = b"mntr") -> bytes:
    """Return a profile of version 2 with these tags."""
    body, table, offset = b"", b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        data += b"\0" * (-len(data) % 4)
        table += name + struct.pack(">II", offset + len(body), len(data))
        body += data
    head = struct.pack(">I4sI4s4s4s12s4s", offset + len(body), b"test", 0x02400000, kind, space, pcs, b"", b"acsp")
    head += b"\0" * 28 + struct.pack(">3i", 63190, 65536, 54061) + b"\0" * 48
    return head + struct.pack(">I", len(tags)) + table + body


def rgb_profile(matrix: Matrix, gamma: float = 2.2) -> bytes:
    """Return a profile of three primaries and a gamma."""
    columns = {name + b"XYZ": _xyz([row[at] for row in matrix]) for at, name in enumerate((b"r", b"g", b"b"))}
    curves = {name + b"TRC": _curve(gamma) for name in (b"r", b"g", b"b")}
    return profile(b"RGB ", {b"wtpt": _xyz([0.9642, 1, 0.8249])} | columns | curves)


def gray_profile(gamma: float) -> bytes:
    return profile(b"GRAY", {b"wtpt": _xyz([0.9642, 1, 0.8249]), b"kTRC": _curve(gamma)})


def table_profile(space: bytes, channels: int) -> bytes:
    """Return a profile with a table of Lab colors. The first channel alone means red, everything else white."""
    colors = [(100, 0, 0)] * 2**channels
    colors[2 ** (channels - 1)] = RED_IN_LAB
    cells = b"".join(bytes((round(light * 2.55), a + 128, b + 128)) for light, a, b in colors)
    identity = struct.pack(">9i", *(65536 * (at % 4 == 0) for at in range(9)))
    table = b"mft1" + struct.pack(">4xBBBx", channels, 3, 2) + identity
    return profile(space, {b"A2B0": table + bytes(range(256)) * channels + cells + bytes(range(256)) * 3}, b"Lab ")


def in_srgb(color: Sequence[int], matrix: Matrix, gamma: float) -> tuple[int, ...]:
    """Return the color of a profile of `rgb_profile` in sRGB. Colors that sRGB does not have are clipped."""
    light = [(value / 255) ** gamma for value in color]
    return tuple(encoded(value) for value in _times(TO_SRGB, _times(matrix, light)))


def encoded(light: float) -> int:
    """Return an amount of light from 0 to 1 as a channel of sRGB."""
    light = min(max(light, 0), 1)
    return round(255 * (light * 12.92 if light < 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055))


def _times(matrix: Matrix, vector: Sequence[float]) -> list[float]:
    return [sum(factor * value for factor, value in zip(row, vector, strict=True)) for row in matrix]


def _xyz(values: Sequence[float]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in values))


def _curve(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
