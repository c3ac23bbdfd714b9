"""A pool with the patience of a test."""

from __future__ import annotations

from foundry_tui.pipeline.contract import Recipe
from foundry_tui.pipeline.pool import WorkerPool
from foundry_tui.pipeline.settings import PoolSettings
from foundry_tui.store.database import Database

QUICK = PoolSettings(
    workers=2,
    poll_min_s=0.02,
    poll_max_s=0.1,
    reconcile_s=0.1,
    retry_base_s=0.01,
    retry_cap_s=0.05,
    retry_floor_s=0.0,
    progress_s=0.05,
    control_s=0.05,
)


def pool(database: Database, made: Recipe, settings: PoolSettings = QUICK) -> WorkerPool:
    return WorkerPool(database, {made.name: made}, settings=settings)
