"""A server that knows an API key, as pipelines and timers have one."""

from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.sandbox import serve


@pytest.fixture
def token_sandbox() -> Iterator[Any]:
    with serve(user="admin", password="secret", tokens={"secret-token": "admin"}) as running:
        yield running
