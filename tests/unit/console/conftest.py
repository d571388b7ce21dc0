"""A chain that is filed with keys, for the tests of what is made of it."""

from __future__ import annotations

import pytest

from shared.contracts.ops import HoldAction
from shared.crypto.signing import Signer
from tests.unit.console.filing import ASSIGNED, CLOSED, OTHER, SIGNED, File, contact, hold, new_signer


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return new_signer(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def filed(signer: Signer) -> File:
    file = File(signer)
    file.say(ASSIGNED, contact(), SIGNED)
    file.say(contact("of another case"), case=OTHER)
    file.say(contact("of no case"), case=None)
    file.say(hold(HoldAction.SET), contact(), *[ASSIGNED] * 30, CLOSED)
    return file
