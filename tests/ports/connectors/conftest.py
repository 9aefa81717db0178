"""Runs each conformance test over each connector that is installed, in the clear and over TLS."""

from __future__ import annotations

import pytest
from connector_kits import CONNECTORS, Make


@pytest.fixture(params=list(CONNECTORS.values()), ids=list(CONNECTORS))
def make(request: pytest.FixtureRequest) -> Make:
    found: Make = request.param
    return found
