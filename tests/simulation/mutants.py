"""One changed line per rule of the runtime, and the test that must catch it.

A mutant is caught by a named test of the engine or of the conformance suite. `simulated` says after how many
schedules from seed 1 on the simulation alone caught it when that was measured; 0: not within half a minute.
"""

# ruff: noqa: E501 - a changed line is quoted whole
from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MUTANTS", "Mutant"]

_BARRIER = "tests/runtime/test_engine_barrier.py"
_DUE_WORK = "tests/runtime/test_engine_due_work.py"
_WAKING = "tests/runtime/test_waking.py"
_POSITIONS = "tests/runtime/test_engine_positions.py"
_WRITING = "tests/runtime/test_engine_writing.py"
_DRAIN = "tests/runtime/test_engine_drain.py"
_MESSAGES = "tests/runtime/test_engine_messages.py"
_BROKEN = "tests/runtime/test_engine_broken.py"
_ROUNDS = "tests/runtime/test_engine_rounds.py"
_RECENT = "tests/runtime/test_recent.py"


@dataclass(frozen=True, slots=True)
class Mutant:
    """`before` is replaced by `after` in `where` (below shared.runtime); it must occur exactly once."""

    rule: int
    name: str
    where: str
    before: str
    after: str
    file: str
    test: str
    simulated: int = 0

    @property
    def module(self) -> str:
        """The module's full name."""
        return f"shared.runtime.{self.where}"

    @property
    def caught_by(self) -> str:
        """The test, as pytest names it."""
        return f"{self.file}::{self.test}"

    def applied(self, source: str) -> str:
        """Change the source."""
        if source.count(self.before) != 1:
            raise LookupError(f"{self.name}: the line is there {source.count(self.before)} times, not once")
        return source.replace(self.before, self.after)


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
        _MESSAGES, 'test_a_discard_advances_the_mark_and_records_the_id', simulated=3,
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
        _MESSAGES, 'test_an_id_is_not_recorded_while_its_message_is_parked',
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
        '                await self._load(losers)\n',
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
        _MESSAGES, 'test_a_newer_schema_ends_the_process_before_it_overwrites',
    ),
    # 5: encoded and measured before the bulk write
    Mutant(
        5, 'documents-not-measured', 'batch',
        'size = self._store.encode(document)',
        'size = 0',
        _MESSAGES, 'test_what_cannot_be_written_parks_its_case_and_stops_nothing', simulated=3,
    ),
    Mutant(
        5, 'emissions-not-measured', 'judge',
        '        self._publisher.measure(entry.outgoing(self._service.topic))\n',
        '',
        _MESSAGES, 'test_what_cannot_be_written_parks_its_case_and_stops_nothing',
    ),
    Mutant(
        5, 'the-whole-message-blamed', 'judge',
        '        if self.measure is None:\n            return None\n',
        '        return None\n',
        _MESSAGES, 'test_what_cannot_be_written_parks_its_case_and_stops_nothing', simulated=3,
    ),
    Mutant(
        5, 'no-reserve-for-the-park-mark', 'batch',
        'return self._measured(work, work.case, 0)',
        'return self._measured(work, work.case, self._shell.limits.document_reserve)',
        _MESSAGES, 'test_a_document_that_grows_over_the_limit_parks_its_case',
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
        _MESSAGES, 'test_a_foreign_partitioner_is_refused_with_the_setting_to_change', simulated=38,
    ),
    Mutant(
        8, 'numbers-of-some-inputs', 'takeover',
        '        if all(TopicPartition(topic, number) in assigned for topic in service.topics)',
        '        if any(TopicPartition(topic, number) in assigned for topic in service.topics)',
        _POSITIONS, 'test_only_numbers_assigned_on_all_inputs_are_worked_on',
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
        _MESSAGES, 'test_an_outage_dead_letters_nothing', simulated=1,
    ),
    Mutant(
        10, 'an-outage-ends-the-process', 'retry',
        '                await self.pause(attempt)\n                attempt += 1\n',
        '                raise\n',
        _MESSAGES, 'test_an_outage_dead_letters_nothing', simulated=1,
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
    # 11: poison
    Mutant(
        11, 'a-failure-stops-the-batch', 'judge',
        '        except Exception as error:  # noqa: BLE001 - whatever a decider raises costs only its case (rule 11)\n            return Failure(Reason.DECIDER, describe(error))\n',
        '',
        _MESSAGES, 'test_a_bad_message_costs_only_its_case', simulated=3,
    ),
    Mutant(
        11, 'later-messages-overtake', 'fold',
        'if case.parked and not self.seen(case, inbound):',
        'if False:',
        _MESSAGES, 'test_a_bad_message_costs_only_its_case',
    ),
    Mutant(
        11, 'a-failure-is-skipped', 'fold',
        '            self.parking.park(work, case, inbound, result, span)\n',
        "            self.note(case, inbound, Cause.of_record(record))\n            self.outcome(work, inbound, 'processed', 'x')\n",
        _MESSAGES, 'test_too_many_waiting_facts_park_the_case',
    ),
    Mutant(
        11, 'rows-not-stored', 'batch',
        '        if rows:\n',
        '        if False:\n',
        _MESSAGES, 'test_a_bad_message_costs_only_its_case', simulated=2,
    ),
    Mutant(
        11, 'rows-stored-after-the-document', 'batch',
        '        if rows:\n            await self._shell.insist("park", lambda: self._store.park(self._service.name, rows))\n        if not documents:\n            return []\n',
        "        import functools\n        self._after = getattr(self, '_after', [])\n        if rows:\n            self._after.append(functools.partial(self._store.park, self._service.name, rows))\n        if not documents:\n            return []\n",
        _MESSAGES, 'test_a_bad_message_costs_only_its_case', simulated=2,
    ),
    Mutant(
        11, 'arrival-order-lost', 'fold',
        'key=lambda row: row.order)',
        'key=lambda row: -row.order)',
        _MESSAGES, 'test_replay_decides_what_is_parked_in_arrival_order_and_releases', simulated=4,
    ),
    Mutant(
        11, 'rows-of-strays-decided', 'document',
        '            or row.record.offset > self.parked_upto.get(row.record.topic, -1)\n',
        '',
        _WRITING, 'test_rows_of_a_replica_that_had_lost_are_not_decided',
    ),
    Mutant(
        11, 'redelivered-rows-move-back', 'fold',
        'if record.offset <= case.parked_upto.get(record.topic, -1):',
        'if False:',
        _WRITING, 'test_a_parked_record_that_is_read_again_stays_where_it_was',
    ),
    Mutant(
        11, 'no-dead-letter', 'parking',
        '        work.letters.append(self.letter(record, failure, case.id))\n        work.spans',
        '        work.spans',
        _MESSAGES, 'test_too_many_waiting_facts_park_the_case',
    ),
    Mutant(
        11, 'key-only-parks-the-archive', 'inbound',
        '(error.key_only and not service.emits)',
        'False',
        _MESSAGES, 'test_nothing_but_a_key_parks_the_customer_at_intake_only',
    ),
    Mutant(
        11, 'the-state-of-another-accepted', 'judge',
        'elif not isinstance(state, self._service.state):',
        'elif False:',
        _ROUNDS, 'test_a_decision_with_the_state_of_another_service_is_a_bug_of_that_case',
    ),
    Mutant(
        11, 'decides-on-though-parked-by-a-close', 'fold',
        '                if case.parked:\n                    return\n',
        '',
        _ROUNDS, 'test_a_case_that_its_last_word_parks_decides_nothing_more_at_that_close',
    ),
    # 12: replay and discard
    Mutant(
        12, 'replay-forgets-its-own-batch', 'fold',
        '        rows.update({row_name(row.record): row for row in work.rows})\n',
        '',
        _MESSAGES, 'test_replay_folds_what_its_own_batch_parked',
    ),
    Mutant(
        12, 'replay-goes-on-after-a-failure', 'commands',
        '            case.park = Park(failed.reason.value, row_name(row.record))\n            break\n',
        '            continue\n',
        _MESSAGES, 'test_replay_stops_and_parks_again_at_the_first_failure',
    ),
    Mutant(
        12, 'any-can-be-discarded', 'commands',
        'if any(other.topic == record.topic and other.offset < record.offset for other in records.values()):',
        'if False:',
        _MESSAGES, 'test_only_the_lowest_of_its_source_can_be_discarded',
    ),
    Mutant(
        12, 'discard-leaves-the-mark', 'commands',
        '        fold.note(case, fold.receive(record), cause)\n',
        '',
        _MESSAGES, 'test_a_discard_advances_the_mark_and_records_the_id',
    ),
    Mutant(
        12, 'reason-not-kept', 'commands',
        '    case.links.append(_reason_kept(fold, case, inbound, data, cause))\n',
        '',
        _MESSAGES, 'test_only_the_lowest_of_its_source_can_be_discarded',
    ),
    Mutant(
        12, 'rows-never-deleted', 'commands',
        '    case.drops.append(DropEntry(cause, case.cleared, ()))\n',
        '',
        _MESSAGES, 'test_replay_decides_what_is_parked_in_arrival_order_and_releases',
    ),
    Mutant(
        12, 'replay-without-bound', 'commands',
        'if count == fold.limits.replay_rows:',
        'if False:',
        _MESSAGES, 'test_a_replay_takes_no_more_than_its_bound',
    ),
    Mutant(
        12, 'obeyed-twice', 'commands',
        '    if fold.seen(case, inbound):\n',
        '    if False:\n',
        _ROUNDS, 'test_a_command_is_obeyed_once_however_often_it_is_said',
    ),
    # 13: a parked case is held everywhere
    Mutant(
        13, 'holds-not-told', 'parking',
        '        for subject in subjects:\n',
        '        for subject in subjects[:0]:\n',
        _MESSAGES, 'test_a_bad_message_costs_only_its_case', simulated=4,
    ),
    Mutant(
        13, 'holds-not-passed-on', 'parking',
        '        if not self._service.emits or (own and work.replaying):',
        '        if True:',
        _MESSAGES, 'test_holds_go_down_the_chain_and_round_once',
    ),
    Mutant(
        13, 'due-work-of-held-cases', 'document',
        '        return self.park is not None or any(rank % 2 == 0 for rank in ranks)',
        '        return self.park is not None',
        _DUE_WORK, 'test_due_work_of_a_held_case_waits_for_the_first_close_after_its_release', simulated=4,
    ),
    Mutant(
        13, 'old-news-believed', 'parking',
        'not own and rank > case.holds.get(holder, -1):',
        'not own:',
        _MESSAGES, 'test_holds_go_down_the_chain_and_round_once',
    ),
    Mutant(
        13, 'echoes-forgotten', 'parking',
        '        if messenger in self._service.waits_for:\n',
        '        if False:\n',
        _MESSAGES, 'test_what_was_put_off_upstream_is_waited_for_after_a_release',
    ),
    Mutant(
        13, 'echoes-of-everybody', 'parking',
        '        if messenger in self._service.waits_for:\n',
        '        if True:\n',
        _MESSAGES, 'test_the_word_of_those_that_are_not_waited_for_holds_nothing',
    ),
    Mutant(
        13, 'released-though-echoed', 'parking',
        '        self._announce(work, case, still, _still(name, count), "still", cause, origin)\n',
        '',
        _MESSAGES, 'test_what_was_put_off_upstream_is_waited_for_after_a_release',
    ),
    Mutant(
        13, 'told-within-a-replay', 'parking',
        ' or (own and work.replaying):',
        ':',
        _MESSAGES, 'test_the_echo_of_a_hold_that_comes_while_it_is_parked_again_frees_nothing',
    ),
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
        '            await self._send()\n        except BaseException:',
        '            asyncio.get_running_loop().call_later(0.02, lambda: asyncio.ensure_future(self._send()))\n        except BaseException:',
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
    # 22: cross-case state stays in the partition
    Mutant(
        22, 'open-work-not-loaded', 'takeover',
        'work.get(number, {})',
        '{}',
        _MESSAGES, 'test_open_work_is_counted_by_the_fold_and_at_load',
    ),
    Mutant(
        22, 'open-work-not-counted', 'fold',
        '            work.lane.work.update(effects.work)\n',
        '',
        _MESSAGES, 'test_open_work_is_counted_by_the_fold_and_at_load',
    ),
)
# fmt: on
