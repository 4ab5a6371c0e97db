"""What all tests share: properties are not timed, since the machines that run them are shared and noisy.

Nor is the size of what they are given: whole states of a server are large.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from reconciler.sandbox import serve

# With what is in force as its parent, the profile that hypothesis chooses where CI is set stays in force.
settings.register_profile(
    "untimed",
    settings(),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
settings.load_profile("untimed")


@pytest.fixture
def sandbox() -> Iterator[Any]:
    """A server as it comes, with an administrator."""
    with serve(user="admin", password="secret") as running:
        yield running
