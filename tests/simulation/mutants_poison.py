"""Mutants of the rules of poison, replay and parked cases (11 to 13), and what was found by changing line after line."""

# ruff: noqa: E501 - a changed line is quoted whole
from __future__ import annotations

from tests.simulation.mutant import Mutant

__all__ = ["MUTANTS"]

_DUE_WORK = "tests/runtime/test_engine_due_work.py"
_WRITING = "tests/runtime/test_engine_writing.py"
_MESSAGES = "tests/runtime/test_engine_messages.py"
_POISON = "tests/runtime/test_engine_poison.py"
_REPLAY = "tests/runtime/test_engine_replay.py"
_HOLDS = "tests/runtime/test_engine_holds.py"
_MISTAKES = "tests/runtime/test_mistakes.py"
_ROUNDS = "tests/runtime/test_engine_rounds.py"
_DECISIONS = "tests/runtime/test_engine_decisions.py"
_UNWRITABLE = "tests/runtime/test_engine_unwritable.py"
_EVIDENCE = "tests/runtime/test_engine_evidence.py"
_INBOUND = "tests/runtime/test_inbound.py"

# fmt: off
MUTANTS = (
    # 11: poison
    Mutant(
        11, 'a-failure-stops-the-batch', 'judge',
        '        except Exception as error:  # noqa: BLE001 - whatever a decider raises costs only its case (rule 11)\n            return Failure(Reason.DECIDER, describe(error))\n',
        '',
        _POISON, 'test_a_bad_message_costs_only_its_case', simulated=3,
    ),
    Mutant(
        11, 'later-messages-overtake', 'fold',
        'if case.parked and not self.seen(case, inbound):',
        'if False:',
        _POISON, 'test_a_bad_message_costs_only_its_case',
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
        _POISON, 'test_a_bad_message_costs_only_its_case', simulated=2,
    ),
    Mutant(
        11, 'rows-stored-after-the-document', 'batch',
        '        if rows:\n            await self._shell.insist("park", lambda: self._store.park(self._service.name, rows))\n        if not documents:\n            return []\n',
        "        import functools\n        self._after = getattr(self, '_after', [])\n        if rows:\n            self._after.append(functools.partial(self._store.park, self._service.name, rows))\n        if not documents:\n            return []\n",
        _POISON, 'test_a_bad_message_costs_only_its_case', simulated=2,
    ),
    Mutant(
        11, 'arrival-order-lost', 'fold',
        'key=lambda row: row.order)',
        'key=lambda row: -row.order)',
        _REPLAY, 'test_replay_decides_what_is_parked_in_arrival_order_and_releases', simulated=4,
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
        _POISON, 'test_nothing_but_a_key_parks_the_customer_at_intake_only',
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
    Mutant(
        11, 'held-without-a-cause', 'parking',
        'if inbound is not None and inbound.envelope is not None:',
        'if False:',
        _POISON, 'test_a_bad_message_costs_only_its_case',
    ),
    Mutant(
        11, 'parked-without-a-span', 'parking',
        "        work.spans.append((span, \"parked\", []))\n",
        '',
        _POISON, 'test_a_bad_message_costs_only_its_case',
    ),
    # 12: replay and discard
    Mutant(
        12, 'replay-forgets-its-own-batch', 'fold',
        '        rows.update({row_name(row.record): row for row in work.rows})\n',
        '',
        _REPLAY, 'test_replay_folds_what_its_own_batch_parked',
    ),
    Mutant(
        12, 'replay-goes-on-after-a-failure', 'commands',
        '            case.park = Park(failed.reason.value, row_name(row.record))\n            break\n',
        '            continue\n',
        _REPLAY, 'test_replay_stops_and_parks_again_at_the_first_failure',
    ),
    Mutant(
        12, 'any-can-be-discarded', 'commands',
        'if any(other.topic == record.topic and other.offset < record.offset for other in records.values()):',
        'if False:',
        _REPLAY, 'test_only_the_lowest_of_its_source_can_be_discarded',
    ),
    Mutant(
        12, 'discard-leaves-the-mark', 'commands',
        '        fold.note(case, fold.receive(record), cause)\n',
        '',
        _REPLAY, 'test_a_discard_advances_the_mark_and_records_the_id',
    ),
    Mutant(
        12, 'reason-not-kept', 'commands',
        '    case.links.append(_reason_kept(fold, case, inbound, data, cause))\n',
        '',
        _REPLAY, 'test_only_the_lowest_of_its_source_can_be_discarded',
    ),
    Mutant(
        12, 'a-discard-forgotten-when-read-again', 'lane',
        'discarded=frozenset(raw.get("discarded", ())),',
        'discarded=frozenset(),',
        _REPLAY, 'test_what_was_discarded_is_not_parked_again_where_its_topic_is_read_from_the_start',
    ),
    Mutant(
        12, 'what-was-discarded-leaves-no-mark', 'fold',
        '            self.note(case, inbound, cause)\n            work.spans.append((span, "discarded", []))\n',
        '            work.spans.append((span, "discarded", []))\n',
        _REPLAY, 'test_what_was_discarded_is_not_parked_again_where_its_topic_is_read_from_the_start',
    ),
    Mutant(
        12, 'rows-never-deleted', 'commands',
        '    case.drops.append(DropEntry(cause, case.cleared, ()))\n',
        '',
        _REPLAY, 'test_replay_decides_what_is_parked_in_arrival_order_and_releases',
    ),
    Mutant(
        12, 'replay-without-bound', 'commands',
        'if count == fold.limits.replay_rows:',
        'if False:',
        _REPLAY, 'test_a_replay_takes_no_more_than_its_bound',
    ),
    Mutant(
        12, 'obeyed-twice', 'commands',
        '    if fold.seen(case, inbound):\n',
        '    if False:\n',
        _ROUNDS, 'test_a_command_is_obeyed_once_however_often_it_is_said',
    ),
    Mutant(
        12, 'a-replay-never-ends', 'commands',
        '    work.replaying = False\n',
        '',
        _ROUNDS, 'test_what_is_parked_again_in_the_batch_of_its_replay_is_held_again',
    ),
    Mutant(
        12, 'obeyed-without-a-span', 'commands',
        "    work.spans.append((span, \"obeyed\", []))\n",
        '',
        _ROUNDS, 'test_a_command_is_obeyed_once_however_often_it_is_said',
    ),
    Mutant(
        12, 'failed-once-failed-for-ever', 'commands',
        '        waiting.failed = False\n',
        '        pass\n',
        _REPLAY, 'test_a_waiting_fact_that_fails_no_more_waits_on_and_cannot_be_discarded',
    ),
    Mutant(
        12, 'replayed-past-a-waiting-fact', 'commands',
        '        if case.parked:\n            break\n',
        '',
        _REPLAY, 'test_nothing_is_decided_past_a_waiting_fact_that_fails_again',
    ),
    Mutant(
        12, 'a-discard-of-the-last-frees-nothing', 'commands',
        '    if len(records) == 1:\n',
        '    if False:\n',
        _REPLAY, 'test_a_waiting_fact_that_fails_later_parks_the_case_and_can_be_discarded',
    ),
    Mutant(
        12, 'replayed-and-parked-for-ever', 'fold',
        '        if case.parked:\n            work.letters.append(self.parking.letter(inbound.record, Failure(Reason.PARKED), case.id))\n',
        '        if True:\n            work.letters.append(self.parking.letter(inbound.record, Failure(Reason.PARKED), case.id))\n',
        _REPLAY, 'test_what_was_parked_and_replayed_is_passed_over_when_it_is_read_again',
    ),
    # 13: a parked case is held everywhere
    Mutant(
        13, 'holds-not-told', 'parking',
        '        for subject in subjects:\n',
        '        for subject in subjects[:0]:\n',
        _POISON, 'test_a_bad_message_costs_only_its_case', simulated=4,
    ),
    Mutant(
        13, 'holds-not-passed-on', 'parking',
        '        if not self._service.emits or (own and work.replaying):',
        '        if True:',
        _HOLDS, 'test_holds_go_down_the_chain_and_round_once',
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
        _HOLDS, 'test_holds_go_down_the_chain_and_round_once',
    ),
    Mutant(
        13, 'echoes-forgotten', 'parking',
        '        if messenger in self._service.waits_for:\n',
        '        if False:\n',
        _HOLDS, 'test_what_was_put_off_upstream_is_waited_for_after_a_release',
    ),
    Mutant(
        13, 'echoes-of-everybody', 'parking',
        '        if messenger in self._service.waits_for:\n',
        '        if True:\n',
        _HOLDS, 'test_the_word_of_those_that_are_not_waited_for_holds_nothing',
    ),
    Mutant(
        13, 'released-though-echoed', 'parking',
        '        self._announce(work, case, still, _still(name, count), "still", cause, origin)\n',
        '',
        _HOLDS, 'test_what_was_put_off_upstream_is_waited_for_after_a_release',
    ),
    Mutant(
        13, 'told-within-a-replay', 'parking',
        ' or (own and work.replaying):',
        ':',
        _HOLDS, 'test_the_echo_of_a_hold_that_comes_while_it_is_parked_again_frees_nothing',
    ),
    # of any of them: found by changing one place of the code after the other
    Mutant(
        1, 'the-last-word-not-written', 'fold',
        '        case.sent.update(effects.sent)\n        case.changed = True\n',
        '        case.sent.update(effects.sent)\n',
        _DECISIONS, 'test_the_last_word_on_a_fact_is_written_though_it_changes_no_state',
    ),
    Mutant(
        3, 'ids-of-everything', 'fold',
        '            case.ids.append(IdEntry(cause, inbound.external_id))\n',
        "            pass\n        case.ids.append(IdEntry(cause, inbound.external_id or ''))\n",
        _DECISIONS, 'test_only_what_comes_from_outside_is_kept_by_its_id',
    ),
    Mutant(
        4, 'loses-for-ever', 'batch',
        '            raise AbandonedError("another writer holds the documents")\n',
        '            pass\n',
        _DECISIONS, 'test_whoever_loses_again_and_again_gives_up_the_assignment',
    ),
    Mutant(
        5, 'blamed-without-what-it-says', 'judge',
        '            trial.out += effects.out\n',
        '',
        _UNWRITABLE, 'test_a_document_that_grows_over_the_limit_by_what_it_says_is_parked_where_it_does',
    ),
    Mutant(
        5, 'blamed-without-what-it-files', 'judge',
        '            trial.links += effects.links\n',
        '',
        _UNWRITABLE, 'test_a_document_that_grows_over_the_limit_by_what_it_files_is_parked_where_it_does',
    ),
    Mutant(
        5, 'a-trial-counts-sequences', 'document',
        '            sent=dict(self.sent),\n            out=list(self.out),\n',
        '            out=list(self.out),\n',
        _UNWRITABLE, 'test_what_a_refused_decision_would_have_said_leaves_no_gap',
    ),
    Mutant(
        7, 'every-duplicate-a-second-id', 'fold',
        '+ [inbound.envelope.id[:8]]',
        '+ [inbound.envelope.id]',
        _EVIDENCE, 'test_the_same_id_is_no_second_one_however_long_and_what_cannot_be_read_has_none',
    ),
    Mutant(
        8, 'another-partitions-case-decided', 'fold',
        'if case.key != inbound.key or case.partition != record.partition:',
        'if case.key != inbound.key:',
        _DECISIONS, 'test_a_case_that_lies_on_another_partition_is_nobodys_here',
    ),
    Mutant(
        9, 'decided-by-another-and-refused-as-well', 'fold',
        'waiting.day <= last and any(waiting is other for other in case.waiting):',
        'waiting.day <= last:',
        _DECISIONS, 'test_a_fact_that_another_ones_last_word_has_decided_has_no_last_word_of_its_own',
    ),
    Mutant(
        11, 'a-refused-record-is-nobodys', 'fold',
        '            self.outcome(work, inbound, "dead_lettered", failure.reason)\n            return\n',
        '            return\n',
        _EVIDENCE, 'test_every_record_is_counted_by_what_became_of_it',
    ),
    Mutant(
        11, 'duplicates-of-a-parked-case-parked', 'fold',
        'if case.parked and not self.seen(case, inbound):',
        'if case.parked:',
        _DECISIONS, 'test_what_was_decided_before_is_a_duplicate_though_its_case_is_parked_now',
    ),
    Mutant(
        11, 'parked-and-never-a-letter', 'fold',
        '            work.letters.append(self.parking.letter(inbound.record, Failure(Reason.PARKED), case.id))\n',
        '',
        _DECISIONS, 'test_a_parked_record_whose_letter_was_not_sent_is_a_dead_letter_when_it_is_read_again',
    ),
    Mutant(
        11, 'erased-where-nothing-is-kept', 'inbound',
        'if service.keyed is None or data.document != envelope.key:',
        'if data.document != envelope.key:',
        _INBOUND, 'test_what_is_nobodys_touches_no_document',
    ),
    Mutant(
        13, 'holds-not-filed', 'fold',
        '            if not self.service.audits:\n                self.note',
        '            if True:\n                self.note',
        _DECISIONS, 'test_news_of_a_hold_are_filed_by_the_archive_and_decided_by_nobody_else',
    ),
    Mutant(
        4, 'newer-layout-overwritten', 'batch',
        'if runtime > RUNTIME_SCHEMA or own >',
        'if own >',
        _POISON, 'test_a_newer_layout_ends_the_process_before_it_overwrites',
    ),
    Mutant(
        8, 'given-up-for-the-epoch-of-another-partition', 'batch',
        'if raw["partition"] == work.lane.partition and raw["epoch"]',
        'if raw["epoch"]',
        _DECISIONS, 'test_a_case_that_lies_on_another_partition_is_nobodys_here',
    ),
    Mutant(
        4, 'due-work-that-lost-is-not-done', 'batch',
        '                self._decide(work, inbound)\n            if work.closing is not None:\n                self._fold.close(work, work.closing)\n',
        '                self._decide(work, inbound)\n',
        _DECISIONS, 'test_what_another_writer_has_done_of_a_day_is_not_done_again_and_the_rest_is',
    ),
    Mutant(
        3, 'ids-of-one-document-of-a-batch', 'batch',
        '            ids += [entry.id for entry in work.case.ids]',
        '            ids = [entry.id for entry in work.case.ids]',
        _MESSAGES, 'test_the_ids_of_all_documents_of_a_batch_are_kept',
    ),
    Mutant(
        12, 'rows-of-one-document-of-a-batch-deleted', 'batch',
        '            drops += [(work.document',
        '            drops = [(work.document',
        _REPLAY, 'test_what_two_replays_of_one_batch_have_decided_is_deleted_of_both',
    ),
    Mutant(
        5, 'blamed-without-what-waits', 'judge',
        '            trial.waiting.append(waiting)\n',
        '            pass\n',
        _UNWRITABLE, 'test_a_document_that_grows_over_the_limit_by_what_waits_is_parked_where_it_does',
    ),
    Mutant(
        5, 'due-work-not-tried', 'judge',
        '            return Failure(Reason.DUE_WORK, describe(error))\n        return self.unwritable(work, case, effects) or effects\n',
        '            return Failure(Reason.DUE_WORK, describe(error))\n        return effects\n',
        _DUE_WORK, 'test_due_work_whose_outcome_cannot_be_said_or_kept_parks_its_case_with_the_reason',
    ),
    Mutant(
        11, 'decided-past-a-fact-that-fails', 'fold',
        '            for waiting in list(case.waiting)\n            if not case.parked\n',
        '            for waiting in list(case.waiting)\n',
        _DECISIONS, 'test_of_facts_that_wait_none_is_decided_past_one_that_fails',
    ),
    Mutant(
        12, 'freed-and-left-to-wait', 'commands',
        '        fold.retry_waiting(work, case, cause)  # what',
        '        # what',
        _DECISIONS, 'test_of_facts_that_wait_none_is_decided_past_one_that_fails',
    ),
    Mutant(
        13, 'held-while-its-day-was-closed-again', 'fold',
        '        if case is None or case.held:\n',
        '        if case is None:\n',
        _ROUNDS, 'test_a_close_that_is_done_again_leaves_a_case_that_is_held_meanwhile',
    ),
    Mutant(
        9, 'one-last-word-at-a-close', 'fold',
        '                if case.parked:\n                    return\n',
        '                return\n',
        _DUE_WORK, 'test_every_fact_that_waited_in_vain_has_its_last_word_at_the_same_close',
    ),
    Mutant(
        6, 'a-third-round-under-the-ids-of-the-second', 'fold',
        '        case.day_index = (cause.day, index + len(judged.out))\n',
        '        case.day_index = (cause.day, len(judged.out))\n',
        _ROUNDS, 'test_what_a_close_makes_due_is_done_at_the_same_close_under_ids_of_its_own',
    ),
    # what is refused is no poison, and operations hear of it all the same
    Mutant(
        11, 'nobody-hears-of-mistakes', 'engine',
        '        self._mistakes.heard(inbound)\n',
        '',
        _MISTAKES, 'test_many_of_one_day_are_one_alarm_without_a_value',
    ),
    Mutant(
        11, 'mistakes-heard-where-they-are-decided-alone', 'engine',
        '        self._mistakes.heard(inbound)\n',
        '        if outcome == "processed":\n            self._mistakes.heard(inbound)\n',
        _MISTAKES, 'test_it_is_told_though_the_process_died_over_it_or_the_customer_is_parked',
    ),
)
