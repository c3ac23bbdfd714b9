"""Fixtures every suite shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["servers_plugin"]  # real PostgreSQL and Redis, migrated databases

REPOSITORY = Path(__file__).resolve().parent.parent

# How long an example takes is the machine's business: what CI's own profile of hypothesis says, too.
settings.register_profile("foundry", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("foundry")


@pytest.fixture(scope="session")
def corpus_dir() -> Path:
    """The folder of real, hand-labelled books; FOUNDRY_CORPUS names another place."""
    folder = Path(os.environ.get("FOUNDRY_CORPUS", REPOSITORY.parent / "shared" / "corpus"))
    if not (folder / "labels.json").is_file():
        pytest.skip(f"no labelled books at {folder}: set FOUNDRY_CORPUS to a folder that holds labels.json")
    return folder


@pytest.fixture(scope="session")
def repository() -> Path:
    """The top of the checkout."""
    return REPOSITORY
