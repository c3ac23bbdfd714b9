"""Memory that was used once is kept for the next piece of sound instead of being given back and asked for again.

glibc returns every large block to the kernel as soon as it is free and has fresh pages zeroed at the next request: with
sound in arrays of megabytes, more than half of the time a take's measuring took. It also gives each thread a
heap of its own, none of which shrinks. Where the C library knows no ``mallopt`` nothing is changed.
"""

from __future__ import annotations

import ctypes
import logging

_log = logging.getLogger(__name__)

# Names and numbers of <malloc.h>.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_KEPT_BYTES = 12 << 20  # free memory a heap holds on to
_LARGE_BYTES = 8 << 20  # from here on a block is the kernel's own again: whole chapters, not takes
_HEAPS = 2


def keep_freed_memory() -> bool:
    """Tell the C library of this process; whether it could be told. Best called before threads are started."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        _log.debug("this C library has no mallopt")
        return False
    wanted = ((_MMAP_THRESHOLD, _LARGE_BYTES), (_TRIM_THRESHOLD, _KEPT_BYTES), (_ARENA_MAX, _HEAPS))
    told = [mallopt(option, value) == 1 for option, value in wanted]  # each of them, whatever became of the one before
    return all(told)


def give_back_memory() -> None:
    """Let the kernel have what is free now: between two steps, when what one step used may not be used again."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):
        _log.debug("this C library has no malloc_trim")
