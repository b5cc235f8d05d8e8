# SPDX-License-Identifier: BSD-3-Clause
"""Tones: WAV files with one, G.711 (ITU-T G.711), and the frequency that is heard."""

import array
import cmath
import math
import struct

RATE = 8000  # Hz
AMPLITUDE = 8000
FFT_SIZE = 8192


def samples(frequency, seconds, rate=RATE):
    """A sine as signed 16-bit samples."""
    step = 2 * math.pi * frequency / rate
    return array.array("h", (int(AMPLITUDE * math.sin(step * n)) for n in range(int(seconds * rate))))


def write_wav(path, frequency, seconds, rate=RATE):
    data = samples(frequency, seconds, rate).tobytes()
    header = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16,
                         1, 1, rate, rate * 2, 2, 16, b"data", len(data))
    with open(path, "wb") as out:
        out.write(header + data)


def read_wav(path):
    """(samples of the first channel, rate). The sizes in the header are not believed: a
    recording that is still being written has not got them yet."""
    with open(path, "rb") as recording:
        raw = recording.read()
    at = 12
    rate, channels = RATE, 1
    while at + 8 <= len(raw):
        kind, size = struct.unpack_from("<4sI", raw, at)
        at += 8
        if kind == b"fmt ":
            channels, rate = struct.unpack_from("<HI", raw, at + 2)
        if kind == b"data":
            break
        at += size + (size & 1)
    data = raw[at:]
    data = data[:len(data) // (2 * channels) * 2 * channels]
    return array.array("h", data)[::channels], rate


def _fft(values):
    if len(values) == 1:
        return values
    even, odd = _fft(values[0::2]), _fft(values[1::2])
    half = len(values) // 2
    turned = [cmath.exp(-2j * math.pi * k / len(values)) * odd[k] for k in range(half)]
    return [even[k] + turned[k] for k in range(half)] + [even[k] - turned[k] for k in range(half)]


def dominant_frequency(heard, rate=RATE):
    """The strongest frequency in Hz in the middle of what was heard; None for silence."""
    if len(heard) < 400:
        return None
    size = min(FFT_SIZE, 1 << (len(heard).bit_length() - 1))
    start = (len(heard) - size) // 2
    part = heard[start:start + size]
    mean = sum(part) / size
    if math.sqrt(sum((s - mean) ** 2 for s in part) / size) < 50:
        return None
    window = [(s - mean) * (0.5 - 0.5 * math.cos(2 * math.pi * n / size))
              for n, s in enumerate(part)]
    power = [abs(v) for v in _fft([complex(w) for w in window])[:size // 2]]
    peak = max(range(1, size // 2 - 1), key=power.__getitem__)
    below, at, above = (math.log(power[peak + d] + 1e-9) for d in (-1, 0, 1))
    shift = 0.5 * (below - above) / (below - 2 * at + above) if below - 2 * at + above else 0
    return (peak + shift) * rate / size


def _ulaw_decode(byte):
    byte = ~byte & 0xFF
    value = (((byte & 0x0F) << 3) + 0x84) << ((byte & 0x70) >> 4)
    return 0x84 - value if byte & 0x80 else value - 0x84


ULAW = array.array("h", (_ulaw_decode(byte) for byte in range(256)))
# Encoding by search among the 256 values, from a table of the upper 12 bits.
_ULAW_OF = bytes(min(range(256), key=lambda byte, v=value: abs(ULAW[byte] - v))
                 for value in range(-32768, 32768, 64))


def ulaw_encode(pcm):
    return bytes(_ULAW_OF[(s + 32768) >> 6] for s in pcm)


def ulaw_decode(payload):
    return array.array("h", (ULAW[byte] for byte in payload))
