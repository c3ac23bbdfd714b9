"""The five states everything in the house can be in, and how loudly an event speaks."""

from enum import StrEnum


class Status(StrEnum):
    """State of a production, a step, a job or a chunk."""

    PENDING = "pending"  # awaits processing
    PROCESSING = "processing"  # a worker holds it under a lease
    FAILED = "failed"  # error_message says why and what to do
    SUCCESS = "success"  # done, its artifacts stand
    CANCELLED = "cancelled"  # the operator stopped it


class Level(StrEnum):
    """How loudly an event speaks."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
