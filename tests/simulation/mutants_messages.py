"""Mutants of the rules of messages and documents (1 to 10)."""

# ruff: noqa: E501 - a changed line is quoted whole
from __future__ import annotations

from tests.simulation.mutant import Mutant

__all__ = ["MUTANTS"]

_DUE_WORK = "tests/runtime/test_engine_due_work.py"
_POSITIONS = "tests/runtime/test_engine_positions.py"
_WRITING = "tests/runtime/test_engine_writing.py"
_MESSAGES = "tests/runtime/test_engine_messages.py"
_POISON = "tests/runtime/test_engine_poison.py"
_REPLAY = "tests/runtime/test_engine_replay.py"
_BROKEN = "tests/runtime/test_engine_broken.py"
_ROUNDS = "tests/runtime/test_engine_rounds.py"
_RECENT = "tests/runtime/test_recent.py"
_ASSIGNMENT = "tests/runtime/test_engine_assignment.py"

# fmt: off
MUTANTS = (
    # 1: one atomic write per case and batch
    Mutant(
        1, 'emissions-outside-the-document', 'document',
        '                for e in self.out\n',
        '                for e in self.out[:0]\n',
        _WRITING, 'test_what_a_batch_wrote_before_a_crash_is_published_when_it_is_read_again', simulated=8,
    ),
    Mutant(
        1, 'marks-outside-the-document', 'document',
        'for (source, case), mark in self.marks.items()]',
        'for (source, case), mark in self.marks.items() if False]',
        _REPLAY, 'test_a_discard_advances_the_mark_and_records_the_id', simulated=3,
    ),
    # 2: causes, pruning, publishing what is still held
    Mutant(
        2, 'pruned-one-too-early', 'lane',
        'return cause.offset < self.inputs[cause.topic].next',
        'return cause.offset <= self.inputs[cause.topic].next',
        _WRITING, 'test_what_a_batch_wrote_before_a_crash_is_published_when_it_is_read_again', simulated=3,
    ),
    Mutant(
        2, 'day-entries-pruned-at-once', 'lane',
        'return self.done is not None and cause.day <= self.done.isoformat()',
        'return True',
        _DUE_WORK, 'test_what_due_work_wrote_before_a_crash_is_published_before_the_marker', simulated=19,
    ),
    Mutant(
        2, 'never-pruned', 'document',
        '        if any(settled(entry.cause) for entry in self.entries):\n',
        '        if False:\n',
        _MESSAGES, 'test_a_decided_id_is_found_again_after_its_entry_has_left_the_document',
    ),
    Mutant(
        2, 'duplicates-publish-nothing', 'batch',
        '            outgoing += [entry.outgoing(topic) for entry in work.case.out]',
        '            outgoing += [entry.outgoing(topic) for entry in work.case.out if work.case.changed]',
        _WRITING, 'test_what_a_batch_wrote_before_a_crash_is_published_when_it_is_read_again', simulated=18,
    ),
    Mutant(
        2, 'newest-first', 'batch',
        '            outgoing += [entry.outgoing(topic) for entry in work.case.out]',
        '            outgoing += [entry.outgoing(topic) for entry in reversed(work.case.out)]',
        _MESSAGES, 'test_the_chain_says_what_was_decided_once_and_in_sequence', simulated=1,
    ),
    Mutant(
        2, 'publishing-merely-ended', 'batch',
        '            stages.append(self._shell.insist("publish", lambda: self._shell.publisher.publish(outgoing)))',
        '            stages.append(asyncio.wait([asyncio.ensure_future(self._shell.publisher.publish(outgoing))]))',
        _POSITIONS, 'test_no_position_moves_before_every_publish_has_succeeded', simulated=20,
    ),
    Mutant(
        2, 'waiting-facts-own-offset', 'fold',
        'judged = self._judge.decide(work, case, envelope, cause, origin, last_call=last_call)',
        'judged = self._judge.decide(work, case, envelope, Cause.of_record(waiting.record), origin, last_call=last_call)',
        _MESSAGES, 'test_a_fact_waits_for_what_it_builds_on_and_is_then_decided', simulated=71,
    ),
    # 3: ids of external inputs
    Mutant(
        3, 'ids-after-the-document', 'document',
        '"ids": [[e.cause.dump(), e.id] for e in self.ids],',
        '"ids": [],',
        _WRITING, 'test_ids_survive_a_crash_between_the_document_and_their_collection', simulated=3,
    ),
    Mutant(
        3, 'ids-not-copied', 'batch',
        '        if ids:\n',
        '        if False:\n',
        _MESSAGES, 'test_a_decided_id_is_found_again_after_its_entry_has_left_the_document', simulated=1,
    ),
    Mutant(
        3, 'ids-recorded-when-parked', 'fold',
        '            self.parking.park(work, case, inbound, Failure(Reason.PARKED), span)\n',
        '            self.parking.park(work, case, inbound, Failure(Reason.PARKED), span)\n            self.note(case, inbound, Cause.of_record(record))\n',
        _REPLAY, 'test_an_id_is_not_recorded_while_its_message_is_parked',
    ),
    Mutant(
        3, 'looked-up-in-documents-only', 'fold',
        'return external in self._known or any(',
        'return any(',
        _MESSAGES, 'test_a_decided_id_is_found_again_after_its_entry_has_left_the_document', simulated=1,
    ),
    Mutant(
        3, 'looked-up-in-the-collection-only', 'fold',
        'return external in self._known or any(entry.id == external for entry in case.ids)',
        'return external in self._known',
        _MESSAGES, 'test_a_message_said_twice_in_one_batch_is_decided_once', simulated=1,
    ),
    Mutant(
        3, 'ids-of-parked-rows-not-looked-up', 'batch',
        '                if inbound.external_id is not None:\n                    externals[inbound.external_id] = None\n',
        '                pass\n',
        _ROUNDS, 'test_a_payment_published_twice_moves_money_once_even_where_two_replays_decide_it',
    ),
    # 4: the version filter, the epoch, the schema
    Mutant(
        4, 'no-version-filter', 'memory_store',
        'if heads.get(id_, {VERSION: 0})[VERSION] != document[VERSION] - 1:',
        'if False:',
        _WRITING, 'test_a_stale_write_loses_and_is_decided_again', simulated=107,
    ),
    Mutant(
        4, 'recent-of-any-assignment', 'recent',
        'if held is None or (held[PARTITION], held["epoch"]) != (lane.partition, lane.epoch):',
        'if held is None:',
        _RECENT, 'test_only_what_this_assignment_of_the_lane_wrote_is_given',
    ),
    Mutant(
        4, 'recent-though-it-lost', 'batch',
        '        self._shell.recent.drop(lost)\n',
        '',
        _RECENT, 'test_what_another_has_written_since_is_loaded_and_decided_again',
    ),
    Mutant(
        4, 'losers-forgotten', 'batch',
        '        return [work for work in works if work.document in lost]',
        '        return []',
        _WRITING, 'test_a_stale_write_loses_and_is_decided_again',
    ),
    Mutant(
        4, 'losers-not-loaded-again', 'batch',
        '            await self._load(losers)\n',
        '',
        _WRITING, 'test_a_stale_write_loses_and_is_decided_again',
    ),
    Mutant(
        4, 'epoch-not-looked-at', 'batch',
        'raw["epoch"] > work.lane.epoch',
        'False',
        _WRITING, 'test_a_document_of_a_later_owner_makes_a_replica_abandon',
    ),
    Mutant(
        4, 'epoch-not-written', 'document',
        '            "epoch": epoch,',
        '            "epoch": 0,',
        _WRITING, 'test_documents_carry_the_epoch_of_their_last_writer',
    ),
    Mutant(
        4, 'newer-schema-overwritten', 'batch',
        'if runtime > RUNTIME_SCHEMA or own > self._service.schema_version:',
        'if False:',
        _POISON, 'test_a_newer_schema_ends_the_process_before_it_overwrites',
    ),
    # 5: encoded and measured before the bulk write
    Mutant(
        5, 'documents-not-measured', 'batch',
        'size = self._store.encode(document)',
        'size = 0',
        _POISON, 'test_what_cannot_be_written_parks_its_case_and_stops_nothing', simulated=3,
    ),
    Mutant(
        5, 'emissions-not-measured', 'judge',
        '        self._publisher.measure(entry.outgoing(self._service.topic))\n',
        '',
        _POISON, 'test_what_cannot_be_written_parks_its_case_and_stops_nothing',
    ),
    Mutant(
        5, 'the-whole-message-blamed', 'judge',
        '        if self.measure is None:\n            return None\n',
        '        return None\n',
        _POISON, 'test_what_cannot_be_written_parks_its_case_and_stops_nothing', simulated=3,
    ),
    Mutant(
        5, 'no-reserve-for-the-park-mark', 'batch',
        'return self._measured(work, work.case, 0)',
        'return self._measured(work, work.case, self._shell.limits.document_reserve)',
        _POISON, 'test_a_document_that_grows_over_the_limit_parks_its_case',
    ),
    # 6: exactly once
    Mutant(
        6, 'duplicates-decided', 'fold',
        'return sequence <= case.marks.get((source, subject), 0)',
        'return False',
        _MESSAGES, 'test_the_archive_notices_gaps_and_double_ids', simulated=3,
    ),
    Mutant(
        6, 'off-by-one', 'fold',
        'return sequence <= case.marks.get((source, subject), 0)',
        'return sequence < case.marks.get((source, subject), 0)',
        _MESSAGES, 'test_the_archive_notices_gaps_and_double_ids', simulated=3,
    ),
    Mutant(
        6, 'sequence-not-kept', 'fold',
        '        case.sent.update(effects.sent)\n        case.changed',
        '        case.changed',
        _MESSAGES, 'test_the_chain_says_what_was_decided_once_and_in_sequence', simulated=1,
    ),
    # 7: gaps
    Mutant(
        7, 'gap-unnoticed', 'fold',
        '            if sequence != before + 1 and self.service.handles is None:  # others do not see every message\n',
        '            if False:\n',
        _MESSAGES, 'test_the_archive_notices_gaps_and_double_ids',
    ),
    Mutant(
        7, 'two-ids-unnoticed', 'fold',
        'if back < len(tail) and tail[-1 - back]',
        'if False and tail[-1 - back]',
        _MESSAGES, 'test_the_archive_notices_gaps_and_double_ids',
    ),
    # 8: one writer per case
    Mutant(
        8, 'foreign-partitioner-accepted', 'inbound',
        'return _partition_of(record.key, partitions) != record.partition',
        'return False',
        _POISON, 'test_a_foreign_partitioner_is_refused_with_the_setting_to_change', simulated=38,
    ),
    Mutant(
        8, 'numbers-of-some-inputs', 'takeover',
        '        if all(TopicPartition(topic, number) in assigned for topic in service.topics)',
        '        if any(TopicPartition(topic, number) in assigned for topic in service.topics)',
        _POSITIONS, 'test_only_numbers_assigned_on_all_inputs_are_worked_on',
    ),
    Mutant(
        8, 'a-record-of-nobodys-partition-is-judged', 'engine',
        '        if lane is None:  # a partition',
        '        if False:  # a partition',
        _ASSIGNMENT, 'test_a_record_of_a_partition_that_is_not_worked_on_is_nobodys_to_judge',
    ),
    # 9: facts may overtake what they build on
    Mutant(
        9, 'refused-at-once', 'judge',
        'if decision.waits and not last_call:',
        'if False:',
        _MESSAGES, 'test_a_fact_waits_for_what_it_builds_on_and_is_then_decided', simulated=1,
    ),
    Mutant(
        9, 'never-decided-again', 'fold',
        '        if changed:\n            self.retry_waiting(work, case, cause)\n        return None\n',
        '        return None\n',
        _MESSAGES, 'test_a_fact_waits_for_what_it_builds_on_and_is_then_decided', simulated=8,
    ),
    Mutant(
        9, 'refused-at-any-close', 'fold',
        'if waiting.day <= last and any(',
        'if any(',
        _DUE_WORK, 'test_a_fact_is_not_refused_before_its_day_is_closed_on_all_inputs',
    ),
    Mutant(
        9, 'never-refused', 'fold',
        'if waiting.day <= last and any(',
        'if False and any(',
        _DUE_WORK, 'test_a_fact_is_not_refused_before_its_day_is_closed_on_all_inputs', simulated=11,
    ),
    Mutant(
        9, 'waiting-not-marked-received', 'fold',
        '            case.waiting.append(waiting)\n            self.note(case, inbound, cause)\n',
        '            case.waiting.append(waiting)\n            case.changed = True\n',
        _MESSAGES, 'test_a_waiting_fact_is_known_when_it_is_said_again', simulated=2,
    ),
    Mutant(
        9, 'waiting-without-bound', 'fold',
        'if len(case.waiting) >= self.limits.waiting_messages:',
        'if False:',
        _MESSAGES, 'test_too_many_waiting_facts_park_the_case',
    ),
    Mutant(
        9, 'the-last-word-tells-nobody', 'fold',
        '                if self._decide_waiting(work, case, waiting, cause, last_call=True):\n                    self.retry_waiting(work, case, cause)\n',
        '                self._decide_waiting(work, case, waiting, cause, last_call=True)\n',
        _ROUNDS, 'test_the_last_word_on_one_fact_lets_another_be_decided_at_once',
    ),
    # 10: an outage dead-letters nothing
    Mutant(
        10, 'an-outage-is-passed-over', 'retry',
        '                await self.pause(attempt)\n                attempt += 1\n',
        '                return None\n',
        _POISON, 'test_an_outage_dead_letters_nothing', simulated=1,
    ),
    Mutant(
        10, 'an-outage-ends-the-process', 'retry',
        '                await self.pause(attempt)\n                attempt += 1\n',
        '                raise\n',
        _POISON, 'test_an_outage_dead_letters_nothing', simulated=1,
    ),
    Mutant(
        10, 'a-dead-consumer-breaks-the-drain', 'engine',
        'with suppress(AbandonedError, NotOwnerError, BrokenError):',
        'with suppress(AbandonedError, NotOwnerError):',
        _BROKEN, 'test_a_consumer_that_dies_while_partitions_are_given_up_costs_only_a_second_reading',
    ),
    Mutant(
        10, 'a-dead-consumer-is-kept', 'engine',
        '            await self._join_anew(error)\n',
        '            await self._abandon()\n',
        _BROKEN, 'test_a_consumer_that_dies_while_another_replica_joins_is_replaced',
    ),
    Mutant(
        10, 'a-dead-consumer-is-replaced-at-once', 'engine',
        '        await self._consumer.stop()\n        await self._patience.pause(self._abandoned)\n',
        '        await self._consumer.stop()\n',
        _BROKEN, 'test_a_consumer_that_dies_again_and_again_is_replaced_less_and_less_often',
    ),
)
