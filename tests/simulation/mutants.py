"""Changed lines of the runtime, one or more per rule, and the tests that must catch them.

A mutant is caught by a named test of the engine or of the conformance suite. `simulated` says after how many
schedules from seed 1 on the simulation alone caught it when that was measured; 0: not within half a minute.
"""

from __future__ import annotations

from tests.simulation import mutants_days, mutants_messages, mutants_poison

__all__ = ["MUTANTS"]

MUTANTS = (*mutants_messages.MUTANTS, *mutants_poison.MUTANTS, *mutants_days.MUTANTS)
