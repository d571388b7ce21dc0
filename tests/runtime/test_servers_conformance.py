"""Kafka and the database keep every contract of the ports, as the in-memory ones do."""

from __future__ import annotations

import pytest

from tests.runtime.implementations import LOGS, STORES, Chosen, choose, parameters
from tests.runtime.log_contract import LogContract
from tests.runtime.store_contract import StoreContract


class TestKafkaLog(LogContract):
    @pytest.fixture(params=parameters(LOGS, real=True))
    def implementation(self, request: pytest.FixtureRequest) -> Chosen:
        return choose(request)


class TestMongoStore(StoreContract):
    @pytest.fixture(params=parameters(STORES, real=True))
    def implementation(self, request: pytest.FixtureRequest) -> Chosen:
        return choose(request)
