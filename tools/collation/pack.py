"""Pack the dumped root collation into faunadb/engine/java/collation.dat.

The table is made once, with ICU4J at hand (any folder; ``icu4j.jar`` is its path)::

    javac -d . -cp icu4j.jar DumpWeights.java && java -cp icu4j.jar:. DumpWeights
    python pack.py weights.txt han.txt ../../faunadb/engine/java/collation.dat

Stored index keys depend on the table, so a new one means new keys: see the layout in collation.py.
"""

from __future__ import annotations

import collections
import json
import sys
import zlib
from array import array
from pathlib import Path

Element = tuple[int, int, int]

#: Ideographs are numbered from here, in their order; other primaries below.
FIRST_HAN = 0x10000

# Noncharacters with a role inside ICU, and the replacement character, which collation.py puts last.
_INTERNAL = "\ufdd1\ufffd\ufffe\uffff"


def elements(halves: str) -> list[Element]:
    """Primary, secondary and tertiary weights of one line; ICU marks a second half by the bits 0xC0."""
    found: list[Element] = []
    for half in halves.split():
        value = int(half, 16)
        if value & 0xC0 == 0xC0 and found:
            primary, secondary, tertiary = found[-1]
            found[-1] = (primary | value >> 16, secondary | value >> 8 & 0xFF, tertiary | value & 0x3F)
            continue
        found.append((value >> 16 << 16, (value >> 8 & 0xFF) << 8, (value & 0x3F) << 8))
    return [element for element in found if element != (0, 0, 0)]


def read(path: str) -> dict[str, list[Element]]:
    entries = {}
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        name, halves = line.split(";")
        text = "".join(chr(int(code, 16)) for code in name.split("+"))
        if text[0] not in _INTERNAL:
            entries[text] = elements(halves)
    return entries


def ranks(entries: dict[str, list[Element]], level: int, known: dict[int, int]) -> dict[int, int]:
    """The weights of a level numbered in their order, but for those known already."""
    weights = {element[level] for found in entries.values() for element in found}
    return {weight: rank for rank, weight in enumerate(sorted(weights - known.keys()), 1)} | known


def pack(entries: dict[str, list[Element]], han: dict[str, list[Element]]) -> bytes:
    """A JSON header line, then the compressed columns it describes, little-endian."""
    order = sorted(han, key=han.__getitem__)
    ideographs = {han[char][0][0]: FIRST_HAN + number for number, char in enumerate(order)}
    rank = [ranks(entries, 0, {0: 0, **ideographs}), ranks(entries, 1, {0: 0}), ranks(entries, 2, {0: 0})]
    counted = collections.Counter(element for found in entries.values() for element in found)
    singles = {text: found for text, found in entries.items() if len(text) == 1}
    codes, lengths, plain = array("I"), array("B"), array("B")
    weights: tuple[array[int], ...] = (array("I"), array("H"), array("B"))
    for text, found in singles.items():
        codes.append(ord(text))
        lengths.append(len(found))
        plain.append(len(found) == 1 and counted[found[0]] == 1)
        for element in found:
            for level in range(3):
                weights[level].append(rank[level][element[level]])
    contractions = {
        text: [[rank[level][element[level]] for level in range(3)] for element in found]
        for text, found in entries.items()
        if len(text) > 1
    }
    columns = [codes, lengths, plain, *weights, array("I", map(ord, order))]
    if sys.byteorder == "big":
        for column in columns:
            column.byteswap()
    text = json.dumps(contractions).encode()
    blobs = [zlib.compress(blob, 9) for blob in [*(column.tobytes() for column in columns), text]]
    names = ["codes", "lengths", "plain", "primary", "secondary", "tertiary", "han", "contractions"]
    header = {
        "source": "CLDR root collation (Unicode 15), dumped from ICU4J 72.1. Unicode License V3.",
        "blobs": {name: len(blob) for name, blob in zip(names, blobs)},
    }
    return json.dumps(header).encode() + b"\n" + b"".join(blobs)


if __name__ == "__main__":
    packed = pack(read(sys.argv[1]), read(sys.argv[2]))
    Path(sys.argv[3]).write_bytes(packed)
    print(len(packed), "bytes")
