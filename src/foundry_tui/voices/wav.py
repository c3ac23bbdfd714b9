"""RIFF WAVE to PCM, with nothing missing at its end."""

from __future__ import annotations

import struct

from foundry_tui.errors import SpeechRejected

PCM_FORMATS = {1, 0xFFFE}
# Servers that stream write a length they do not know yet as one of these.
UNKNOWN_SIZES = {0, 0x7FFFFFFF, 0xFFFFFFFF}


def parse_wav(data: bytes) -> tuple[bytes, int]:
    """16-bit little-endian mono PCM and its rate in Hz; SpeechRejected where it is cut or of another kind."""
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise SpeechRejected("The sound is no WAV.")
    rate = 0
    at = 12
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        body = at + 8
        if name == b"fmt " and body + 16 <= len(data):
            kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", data, body)
            if kind not in PCM_FORMATS or channels != 1 or bits != 16:
                raise SpeechRejected(f"The WAV holds {channels} channels of {bits} bits, not 16-bit mono PCM.")
        elif name == b"data":
            if not rate:
                raise SpeechRejected("The WAV says nothing of its format.")
            known = size not in UNKNOWN_SIZES and size < 0xFFFF0000
            if known and body + size > len(data):
                raise SpeechRejected("The WAV was cut short.")
            pcm = data[body : body + size] if known else data[body:]
            return pcm[: len(pcm) // 2 * 2], rate
        at = body + size + size % 2
    raise SpeechRejected("The WAV was cut short.")
