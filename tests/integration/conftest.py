"""The whole suite on either database: FOUNDRY_TEST_DATABASE=postgresql moves every home's tables to a real server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fakes import homes


def pytest_runtest_setup(item: pytest.Item) -> None:
    marker = item.get_closest_marker("sqlite_only")
    if marker is not None and homes.wanted_kind() != "sqlite":
        pytest.skip(f"only SQLite has it: {marker.args[0]}")


@pytest.fixture(scope="module", autouse=True)
def _homes(request: pytest.FixtureRequest) -> Iterator[None]:
    """A module at a time: other suites of the session have their homes on SQLite."""
    if homes.wanted_kind() == "sqlite":
        yield
        return
    with homes.served_by(request.getfixturevalue("postgres_server")):
        yield


@pytest.fixture(autouse=True)
def _homes_of_one_test() -> Iterator[None]:
    with homes.swept():
        yield
