"""From an identifier to the bits that are hidden, and back from what is left of them: checksum, convolutional code.

The code has rate 1/2 and constraint length 9 (generators 561 and 753, octal: the best of that length, J. Odenwalder
1970) and is decoded softly (A. Viterbi, "Error bounds for convolutional codes", 1967). A message counts as found only
if its checksum is right, so that nothing is found in a clean file but by a chance of 2^-24 (or 2^-16) a trial.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

_GENERATORS = (0o561, 0o753)
_LENGTH = 9
_STATES = 1 << (_LENGTH - 1)
_POLYNOMIALS = {24: (0x864CFB, 0xB704CE), 16: (0x1021, 0xFFFF)}  # OpenPGP's CRC-24 (RFC 9580), CRC-16/CCITT
Bits = NDArray[np.uint8]
Soft = NDArray[np.float64]


def coded_length(id_bytes: int, check_bits: int) -> int:
    """How many bits are hidden for an identifier of that length."""
    return 2 * (8 * id_bytes + check_bits + _LENGTH - 1)


def encode(ident: bytes, check_bits: int) -> Soft:
    """+1 for a hidden bit 0 and -1 for a 1, ``(coded_length,)``."""
    bits = np.unpackbits(np.frombuffer(ident, np.uint8))
    state, out = 0, []
    for bit in np.concatenate([bits, _checksum(bits, check_bits), np.zeros(_LENGTH - 1, np.uint8)]):
        state = ((state << 1) | int(bit)) & (2 * _STATES - 1)
        out.append(_outputs()[state])
    return np.concatenate(out)


def decode(soft: Soft, id_bytes: int, check_bits: int) -> tuple[bytes, bool]:
    """The likeliest identifier behind ``soft`` ``(coded_length,)``, positive for a 0, and whether its checksum fits."""
    bits = _likeliest(soft)
    found, check = bits[: 8 * id_bytes], bits[8 * id_bytes : 8 * id_bytes + check_bits]
    return np.packbits(found).tobytes(), bool(np.array_equal(_checksum(found, check_bits), check))


def _checksum(bits: Bits, width: int) -> Bits:
    polynomial, register = _POLYNOMIALS[width]
    mask = (1 << width) - 1
    for bit in bits:
        top = (register >> (width - 1)) & 1
        register = (register << 1) & mask
        if top ^ int(bit):
            register ^= polynomial
    return np.array([(register >> place) & 1 for place in range(width - 1, -1, -1)], np.uint8)


def _likeliest(soft: Soft) -> Bits:
    """By dynamic programming over the 256 states; the code begins and ends in state 0."""
    steps = len(soft) // 2
    state = np.arange(_STATES)
    before = state >> 1, (state >> 1) | (_STATES >> 1)
    outputs = _outputs()[state], _outputs()[state | _STATES]
    score = np.full(_STATES, -np.inf)
    score[0] = 0.0
    came = np.zeros((steps, _STATES), np.bool_)
    for step in range(steps):
        pair = soft[2 * step : 2 * step + 2]
        low, high = (score[b] + o @ pair for b, o in zip(before, outputs, strict=True))
        came[step] = high > low
        score = np.maximum(low, high)
    place, bits = 0, []
    for step in range(steps - 1, -1, -1):
        bits.append(place & 1)
        place = int(before[int(came[step, place])][place])
    return np.array(bits[::-1], np.uint8)


@cache
def _outputs() -> Soft:
    """``(2 * states, 2)``: what the encoder gives for each content of its register."""
    rows = np.zeros((2 * _STATES, len(_GENERATORS)))
    for register in range(2 * _STATES):
        for number, generator in enumerate(_GENERATORS):
            rows[register, number] = 1.0 - 2.0 * ((register & generator).bit_count() & 1)
    return rows
