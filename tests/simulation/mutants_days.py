"""Mutants of the rules of positions, days and bounds (14 to 22)."""

# ruff: noqa: E501 - a changed line is quoted whole
from __future__ import annotations

from tests.simulation.mutant import Mutant

__all__ = ["MUTANTS"]

_DECISIONS = "tests/runtime/test_engine_decisions.py"
_BARRIER = "tests/runtime/test_engine_barrier.py"
_DUE_WORK = "tests/runtime/test_engine_due_work.py"
_WAKING = "tests/runtime/test_waking.py"
_POSITIONS = "tests/runtime/test_engine_positions.py"
_WRITING = "tests/runtime/test_engine_writing.py"
_DRAIN = "tests/runtime/test_engine_drain.py"
_MESSAGES = "tests/runtime/test_engine_messages.py"
_ROUNDS = "tests/runtime/test_engine_rounds.py"
_ASSIGNMENT = "tests/runtime/test_engine_assignment.py"

# fmt: off
MUTANTS = (
    # 14: positions
    Mutant(
        14, 'epoch-before-committed', 'takeover',
        '    committed = await shell.insist("take-over", lambda: consumer.committed(inputs))\n    positions = await shell.insist("take-over", lambda: store.raise_epoch(service.name, numbers))\n',
        '    positions = await shell.insist("take-over", lambda: store.raise_epoch(service.name, numbers))\n    committed = await shell.insist("take-over", lambda: consumer.committed(inputs))\n',
        _POSITIONS, 'test_committed_offsets_are_read_before_the_epoch_is_raised',
    ),
    Mutant(
        14, 'losing-owner-goes-on', 'engine',
        '        if losers:\n            raise AbandonedError',
        '        if False:\n            raise AbandonedError',
        _POSITIONS, 'test_whoever_loses_the_positions_abandons_and_takes_over_again',
    ),
    Mutant(
        14, 'commit-before-positions', 'engine',
        '        lanes = self._hand.unsaved\n        await self._save(lanes)\n        await self._commit(lanes)\n',
        '        lanes = self._hand.unsaved\n        await self._commit(lanes)\n        await self._save(lanes)\n',
        _POSITIONS, 'test_whoever_loses_the_positions_abandons_and_takes_over_again', simulated=49,
    ),
    Mutant(
        14, 'positions-before-publishing', 'batch',
        '        await self._send()\n        self._end_spans()\n',
        '        asyncio.get_running_loop().call_later(0.02, lambda: asyncio.ensure_future(self._send()))\n        self._end_spans()\n',
        _BARRIER, 'test_markers_are_monotone_and_close_all_earlier_days', simulated=2,
    ),
    Mutant(
        14, 'decided-waits-like-passed-over', 'lane',
        '        self.pressing = self.pressing or not inbound.passed_over\n',
        '',
        _MESSAGES, 'test_what_was_decided_is_saved_at_once_and_what_was_passed_over_after_a_while',
    ),
    Mutant(
        14, 'counts-not-kept', 'lane',
        '        position.count(outcome)\n',
        '',
        _MESSAGES, 'test_every_record_is_counted_once', simulated=1,
    ),
    Mutant(
        14, 'epoch-not-raised', 'memory_store',
        '"epoch": old["epoch"] + 1, VERSION',
        '"epoch": old["epoch"], VERSION',
        _WRITING, 'test_documents_carry_the_epoch_of_their_last_writer',
    ),
    Mutant(
        14, 'forgets-what-is-no-longer-read', 'lane',
        'inputs={**stored, **{',
        'inputs={**{',
        _ROUNDS, 'test_positions_keep_what_was_counted_of_an_input_that_is_no_longer_read',
    ),
    Mutant(
        14, 'parked-again-counted-as-duplicate', 'fold',
        '        if case.parked:\n            work.letters.append(self.parking.letter(inbound.record, Failure(Reason.PARKED), case.id))',
        '        if False:\n            work.letters.append(self.parking.letter(inbound.record, Failure(Reason.PARKED), case.id))',
        _WRITING, 'test_a_parked_record_that_is_read_again_stays_where_it_was',
    ),
    Mutant(
        14, 'saved-in-silence-only', 'engine',
        'if any(lane.unsaved >= self._limits.settle_records for lane in self._hand.unsaved):',
        'if False:',
        _ASSIGNMENT, 'test_under_a_flood_positions_are_saved_without_waiting_for_silence',
    ),
    # 15: no offset is guessed
    Mutant(
        15, 'committed-beyond-accepted', 'takeover',
        'if committed.get(at, 0) > position:',
        'if False:',
        _POSITIONS, 'test_no_offset_is_guessed',
    ),
    Mutant(
        15, 'end-not-checked', 'takeover',
        'if position > end:',
        'if False:',
        _POSITIONS, 'test_no_offset_is_guessed',
    ),
    Mutant(
        15, 'start-not-checked', 'takeover',
        'if position < first:',
        'if False:',
        _POSITIONS, 'test_no_offset_is_guessed',
    ),
    Mutant(
        15, 'reads-from-committed', 'takeover',
        '        consumer.seek(at, offset)\n',
        '        consumer.seek(at, committed.get(at, 0))\n',
        _POSITIONS, 'test_positions_are_the_truth_and_the_groups_offsets_their_mirror', simulated=1,
    ),
    # 16: the clock is in-band
    Mutant(
        16, 'markers-not-monotone', 'lane',
        'elif inbound.kind is Kind.MARKER and (self.done is None or _day(inbound) > self.done):',
        'elif inbound.kind is Kind.MARKER:',
        _BARRIER, 'test_markers_are_monotone_and_close_all_earlier_days', simulated=3,
    ),
    Mutant(
        16, 'far-markers-accepted', 'lane',
        'if _day(inbound) > latest(self):',
        'if False:',
        _BARRIER, 'test_a_marker_too_far_ahead_is_dead_lettered',
    ),
    Mutant(
        16, 'not-passed-to-the-desk', 'days',
        'if service.passes_to_desk else',
        'if False else',
        _BARRIER, 'test_a_day_is_passed_on_to_the_services_own_topic_and_to_the_desk', simulated=1,
    ),
    Mutant(
        16, 'markers-on-one-partition', 'days',
        'Outgoing(topic, key, value, tuple(headers), lane.partition) for',
        'Outgoing(topic, key, value, tuple(headers), 0) for',
        _BARRIER, 'test_a_day_is_passed_on_to_the_services_own_topic_and_to_the_desk',
    ),
    # 17: closes flow forward only
    Mutant(
        17, 'the-desk-not-waited-for', 'simulation.toy',
        '            waits_for=("front", "desk"),\n            reads=("back",),\n',
        '            waits_for=("front",),\n            reads=("back", "desk"),\n',
        _BARRIER, 'test_an_input_that_has_reached_its_day_waits_for_the_others',
    ),
    Mutant(
        17, 'a-cycle', 'simulation.toy',
        '            waits_for=("front", "desk"),\n            reads=("back",),\n',
        '            waits_for=("front", "desk", "back"),\n',
        _BARRIER, 'test_a_day_is_passed_on_to_the_services_own_topic_and_to_the_desk', simulated=1,
    ),
    # 18: a marker is a barrier
    Mutant(
        18, 'no-pause', 'lane',
        '            if topic in self.reached:\n',
        '            if False:\n',
        _BARRIER, 'test_an_input_that_has_reached_its_day_waits_for_the_others', simulated=1,
    ),
    Mutant(
        18, 'first-input-is-enough', 'lane',
        'any(topic not in self.reached for topic in waited)',
        'all(topic not in self.reached for topic in waited)',
        _BARRIER, 'test_a_day_is_passed_on_to_the_services_own_topic_and_to_the_desk', simulated=1,
    ),
    Mutant(
        18, 'still-held-entries-forgotten', 'document',
        'ENTRIES_DAY: max(days, default=None),',
        'ENTRIES_DAY: None,',
        _DUE_WORK, 'test_what_due_work_wrote_before_a_crash_is_published_before_the_marker',
    ),
    Mutant(
        18, 'one-page-only', 'days',
        '        del waking[:page]\n',
        '        waking.clear()\n',
        _DUE_WORK, 'test_due_work_is_done_page_by_page_until_none_is_left', simulated=1,
    ),
    Mutant(
        18, 'what-is-written-wakes-nobody', 'batch',
        '                work.lane.waking.note(document)\n',
        '',
        _DUE_WORK, 'test_due_work_is_done_page_by_page_until_none_is_left',
    ),
    Mutant(
        18, 'who-takes-over-knows-no-due-work', 'takeover',
        '    if service.waits_for:\n        waking = await',
        '    if False:\n        waking = await',
        _DUE_WORK, 'test_what_due_work_wrote_before_a_crash_is_published_before_the_marker',
    ),
    Mutant(
        18, 'marker-before-due-work', 'engine',
        '        await do_due_work(self._shell, lanes, day)\n',
        "        early = [lane for lane in lanes]\n        for lane in early:\n            lane.done = day\n        await self._shell.insist('publish', lambda: self._shell.publisher.publish(markers(self.service, early)))\n        await do_due_work(self._shell, lanes, day)\n",
        _DUE_WORK, 'test_what_due_work_wrote_before_a_crash_is_published_before_the_marker',
    ),
    Mutant(
        18, 'last-marker-not-repeated', 'takeover',
        '    if last:\n',
        '    if False:\n',
        _DUE_WORK, 'test_the_last_marker_is_said_again_on_assignment',
    ),
    Mutant(
        18, 'marker-offset-at-once', 'lane',
        '                    self.reached[topic] = (_day(inbound), inbound)\n',
        '                    self.reached[topic] = (_day(inbound), inbound)\n                    self.inputs[topic].next = inbound.record.offset + 1\n',
        _BARRIER, 'test_an_input_that_has_reached_its_day_waits_for_the_others', simulated=3,
    ),
    Mutant(
        18, 'marker-before-positions', 'engine',
        '        await self._save(lanes)\n        outgoing = markers(self.service, lanes)\n',
        '        outgoing = markers(self.service, lanes)\n        if outgoing:\n            await self._shell.insist("publish", lambda: self._shell.publisher.publish(outgoing))\n        await self._save(lanes)\n',
        _MESSAGES, 'test_every_record_is_counted_once',
    ),
    Mutant(
        18, 'a-close-is-not-committed', 'engine',
        '        await self._commit(lanes)\n        self._stop_inputs()\n',
        '        self._stop_inputs()\n',
        _ASSIGNMENT, 'test_offsets_are_committed_when_a_day_is_closed_without_waiting_for_silence',
    ),
    Mutant(
        18, 'no-bound-behind-a-day', 'engine',
        '        self._stop_inputs()\n        self._fetching.start()\n',
        '        self._fetching.start()\n',
        _ASSIGNMENT, 'test_what_waits_behind_a_day_is_bounded_and_read_on_once_the_day_is_done',
    ),
    # 19: by value date
    Mutant(
        19, 'only-what-is-due-today', 'fold',
        'case.state_due <= day:',
        'case.state_due == day:',
        _BARRIER, 'test_markers_are_monotone_and_close_all_earlier_days', simulated=3,
    ),
    Mutant(
        19, 'only-facts-of-today', 'fold',
        'if waiting.day <= last and any(',
        'if waiting.day == last and any(',
        _DUE_WORK, 'test_a_fact_is_not_refused_before_its_day_is_closed_on_all_inputs', simulated=14,
    ),
    Mutant(
        19, 'only-documents-of-today', 'waking',
        'self._days.items() if first <= day)',
        'self._days.items() if first == day)',
        _WAKING, 'test_what_was_noted_last_counts', simulated=3,
    ),
    Mutant(
        19, 'held-documents-wake', 'waking',
        'days = [] if document[HELD] or document[DUE] is None else [document[DUE]]',
        'days = [] if document[DUE] is None else [document[DUE]]',
        _WAKING, 'test_the_first_day_that_must_look',
    ),
    Mutant(
        18, 'what-is-loaded-wakes-nobody', 'batch',
        '                    work.lane.waking.note(raw)\n',
        '                    pass\n',
        _WAKING, 'test_what_another_wrote_is_looked_at_once_it_was_loaded',
    ),
    Mutant(
        19, 'lag-unnoticed', 'days',
        'elif not lane.lag_told and now',
        'elif False and now',
        _BARRIER, 'test_a_partition_that_lags_by_more_than_a_day_raises_one_alert',
    ),
    Mutant(
        19, 'one-round-only', 'fold',
        '        while not case.parked and case.state_due',
        '        if not case.parked and case.state_due',
        _ROUNDS, 'test_what_a_close_makes_due_is_done_at_the_same_close_under_ids_of_its_own',
    ),
    Mutant(
        19, 'the-same-id-in-every-round', 'fold',
        'index = case.day_index[1] if case.day_index[0] == cause.day else 0',
        'index = 0',
        _ROUNDS, 'test_what_a_close_makes_due_is_done_at_the_same_close_under_ids_of_its_own',
    ),
    Mutant(
        19, 'rounds-not-counted-over-a-crash', 'document',
        '"day_index": list(self.day_index),',
        '"day_index": ["", 0],',
        _ROUNDS, 'test_a_close_that_is_done_again_after_a_crash_goes_on_counting',
    ),
    Mutant(
        19, 'a-close-tells-no-waiting-fact', 'fold',
        '        work.spans.append((span, "closed", judged.types))\n        if changed:\n',
        '        work.spans.append((span, "closed", judged.types))\n        if False:\n',
        _ROUNDS, 'test_what_a_close_makes_due_is_done_at_the_same_close_under_ids_of_its_own',
    ),
    Mutant(
        19, 'a-lag-is-told-at-once', 'days',
        'not lane.lag_told and now - lane.lagging_since >= shell.limits.lag_alarm_seconds',
        'not lane.lag_told',
        _BARRIER, 'test_a_partition_that_lags_by_more_than_a_day_raises_one_alert',
    ),
    # 20: nothing but the runtime changes a case: the console's own tests
    # 21: drain, bounds
    Mutant(
        21, 'no-drain', 'engine',
        '            await asyncio.wait_for(self._drained(), self._limits.drain_seconds)\n',
        '            pass\n',
        _DRAIN, 'test_a_rebalance_waits_for_the_batch_in_hand',
    ),
    Mutant(
        21, 'no-deadline', 'engine',
        'await asyncio.wait_for(self._drained(), self._limits.drain_seconds)',
        'await self._drained()',
        _DRAIN, 'test_after_the_drain_deadline_the_batch_is_abandoned_uncommitted',
    ),
    Mutant(
        21, 'stop-waits-for-ever', 'engine',
        '        self._lost = True\n\n    @property\n    def lanes',
        '        pass\n\n    @property\n    def lanes',
        _DRAIN, 'test_stop_gives_up_after_the_deadline',
    ),
    Mutant(
        21, 'tried-on-after-the-deadline', 'engine',
        'service=self.service.name)\n        self._lost = True\n',
        'service=self.service.name)\n',
        _ASSIGNMENT, 'test_after_the_drain_deadline_nothing_more_is_tried_though_nothing_is_assigned_yet',
    ),
    Mutant(
        21, 'an-assignment-ends-nothing', 'engine',
        '        self._lost = True  # whatever is still in hand belongs to the assignment before\n',
        '',
        _ASSIGNMENT, 'test_an_assignment_out_of_the_blue_abandons_the_work_in_hand',
    ),
    # 22: cross-case state stays in the partition
    Mutant(
        22, 'open-work-not-loaded', 'takeover',
        'work.get(number, {})',
        '{}',
        _MESSAGES, 'test_open_work_is_counted_by_the_fold_and_at_load',
    ),
    Mutant(
        22, 'open-work-not-counted', 'fold',
        '        work.count(case.work, effects.work)\n',
        '',
        _MESSAGES, 'test_open_work_is_counted_by_the_fold_and_at_load',
    ),
    Mutant(
        22, 'work-that-was-handed-over-still-counted', 'work',
        '        self.lane.work.subtract(old)\n',
        '',
        _DECISIONS, 'test_work_that_is_handed_over_or_ended_is_counted_where_it_is',
    ),
    Mutant(
        22, 'work-of-what-lost-counted-twice', 'work',
        '            self.count(self.case.work, self.case.work_stored)\n',
        '            pass\n',
        _DECISIONS, 'test_work_of_a_decision_that_lost_is_counted_once',
    ),
    Mutant(
        22, 'work-that-was-written-unanswered-forgotten', 'batch',
        '            work.count(before, work.stored)\n',
        '',
        _MESSAGES, 'test_open_work_that_was_written_without_an_answer_is_counted_once',
    ),
)
