"""A helper process that answers every request and keeps a few megabytes of each."""

import json
import os
import struct
import sys

KEPT = []


def say(header: dict[str, object]) -> None:
    frame = json.dumps(header).encode()
    sys.stdout.buffer.write(struct.pack(">I", len(frame)) + frame)
    sys.stdout.buffer.flush()


say({"id": 0, "ok": True, "version": "1", "bytes": 0})
while size := sys.stdin.buffer.read(4):
    request = json.loads(sys.stdin.buffer.read(struct.unpack(">I", size)[0]))
    if request.get("op") != "cancel":
        KEPT.append(bytearray(b"x") * int(request["keep"]))
        say({"id": request["id"], "ok": True, "pid": os.getpid(), "number": request["number"], "bytes": 0})
