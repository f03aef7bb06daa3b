"""The laws, by what they hold of: any desk, one whose orders rest on paper, one that trades at a real venue."""

from collections.abc import Iterable

from fanfold.simulation.schedules import (
    audit_laws,
    bar_laws,
    book_laws,
    limit_laws,
    neighbour_laws,
    order_laws,
    state_laws,
    venue_laws,
)
from fanfold.simulation.schedules.law import Law, LawKind, Sentence
from fanfold.simulation.schedules.outcome import Outcome

EVERYWHERE = (
    Law(Sentence.NEVER_DOUBLED, LawKind.SAFETY, order_laws.one_id_is_one_message),
    Law(Sentence.NEVER_DOUBLED, LawKind.SAFETY, book_laws.no_trade_is_booked_twice),
    Law(Sentence.NEVER_DOUBLED, LawKind.SAFETY, book_laws.orders_fill_what_they_are_for_and_no_more),
    Law(Sentence.NEVER_FORGOTTEN, LawKind.LIVENESS, order_laws.nothing_is_left_unpublished),
    Law(Sentence.NEVER_FORGOTTEN, LawKind.SAFETY, order_laws.the_index_of_live_orders_is_what_lives),
    Law(Sentence.NEVER_UNEXPLAINED, LawKind.SAFETY, order_laws.every_dead_letter_has_its_reason),
    Law(Sentence.NEVER_UNEXPLAINED, LawKind.LIVENESS, order_laws.what_is_approved_is_what_the_ledger_has),
    Law(Sentence.NEVER_UNEXPLAINED, LawKind.LIVENESS, state_laws.the_trading_state_in_force_was_told),
    Law(Sentence.NEVER_FORGOTTEN, LawKind.LIVENESS, order_laws.poison_is_put_aside),
    Law(Sentence.NEVER_UNEXPLAINED, LawKind.SAFETY, order_laws.orders_move_along_the_edges_of_their_life),
    Law(Sentence.NEVER_DOUBLED, LawKind.SAFETY, order_laws.claims_only_count_up),
    Law(Sentence.STOPS, LawKind.SAFETY, order_laws.nothing_is_sent_that_is_too_old),
    Law(Sentence.KEEPS_SECRETS, LawKind.SAFETY, order_laws.no_secret_is_written_down),
    Law(Sentence.ADDS_UP, LawKind.SAFETY, book_laws.cash_is_what_the_fills_say),
    Law(Sentence.ADDS_UP, LawKind.SAFETY, book_laws.reserved_is_what_live_orders_hold),
    Law(Sentence.ADDS_UP, LawKind.SAFETY, book_laws.positions_are_the_folds_of_their_fills),
    Law(Sentence.ADDS_UP, LawKind.SAFETY, book_laws.legs_await_what_live_orders_have_to_fill),
    Law(Sentence.STOPS, LawKind.SAFETY, state_laws.nothing_is_claimed_that_the_state_forbids),
    Law(Sentence.STOPS, LawKind.SAFETY, state_laws.a_commanded_state_is_in_force_when_it_is_answered),
    Law(Sentence.STOPS, LawKind.SAFETY, state_laws.nothing_is_loosened_by_who_did_not_know_it),
    Law(Sentence.STOPS, LawKind.SAFETY, state_laws.a_command_is_refused_only_under_a_stricter_state),
    Law(Sentence.STOPS, LawKind.LIVENESS, state_laws.no_entry_is_live_where_none_may_be),
    Law(Sentence.WITHIN_LIMITS, LawKind.SAFETY, book_laws.spot_cash_is_never_below_zero),
    Law(Sentence.WITHIN_LIMITS, LawKind.SAFETY, limit_laws.no_order_is_over_its_limit),
    Law(Sentence.WITHIN_LIMITS, LawKind.SAFETY, limit_laws.no_position_is_approved_over_its_limit),
    Law(Sentence.WITHIN_LIMITS, LawKind.SAFETY, limit_laws.no_exposure_is_approved_over_its_limit),
    Law(Sentence.WITHIN_LIMITS, LawKind.SAFETY, limit_laws.no_entry_is_approved_while_a_loss_limit_is_broken),
)
# What only holds of orders that rest in a paper venue's book, or where nothing fills between two polls.
ON_PAPER = (
    Law(Sentence.NEVER_FORGOTTEN, LawKind.LIVENESS, order_laws.no_live_order_is_without_a_future),
    Law(Sentence.IS_TRUE, LawKind.LIVENESS, order_laws.nothing_rests_that_the_ledger_has_ended),
    Law(Sentence.STOPS, LawKind.LIVENESS, state_laws.flatten_ends_flat),
    Law(Sentence.STOPS, LawKind.SAFETY, state_laws.no_entry_fills_in_a_bar_that_opened_under_a_halt),
    Law(
        Sentence.WITHIN_LIMITS,
        LawKind.LIVENESS,
        limit_laws.a_broken_loss_limit_is_noted_by_the_last_poll_and_nothing_rests_under_it,
    ),
)
AT_A_VENUE = (
    Law(Sentence.NEVER_DOUBLED, LawKind.SAFETY, venue_laws.one_order_for_each_intent),
    Law(Sentence.IS_TRUE, LawKind.LIVENESS, venue_laws.what_is_at_the_venue_was_approved_and_is_known_to_be_there),
    Law(Sentence.NEVER_DOUBLED, LawKind.SAFETY, venue_laws.requests_carry_the_time_of_their_claim),
    Law(Sentence.IS_TRUE, LawKind.LIVENESS, venue_laws.balances_are_what_the_fills_come_to),
    Law(Sentence.ADDS_UP, LawKind.SAFETY, venue_laws.positions_and_cash_are_what_the_venue_holds),
    Law(Sentence.STOPS, LawKind.LIVENESS, venue_laws.flatten_ends_with_no_more_than_cannot_be_sold),
    Law(Sentence.NEVER_FORGOTTEN, LawKind.LIVENESS, venue_laws.no_outcome_stays_unknown),
)
# Of a desk whose bars come from market-data, and whose messages audit records.
OF_FIVE_SERVICES = (
    Law(Sentence.NEVER_FORGOTTEN, LawKind.LIVENESS, bar_laws.every_bar_is_published_or_reported),
    Law(Sentence.NEVER_FORGOTTEN, LawKind.LIVENESS, bar_laws.bars_that_the_venue_had_in_time_are_published),
    Law(Sentence.IS_TRUE, LawKind.SAFETY, bar_laws.no_bar_is_invented),
    Law(Sentence.NEVER_UNEXPLAINED, LawKind.SAFETY, bar_laws.strategies_decide_by_published_bars_up_to_their_time),
    Law(Sentence.NEVER_FORGOTTEN, LawKind.LIVENESS, bar_laws.no_leg_is_left_behind),
    Law(Sentence.NEVER_DOUBLED, LawKind.SAFETY, bar_laws.nothing_is_changed_by_repeats),
    Law(Sentence.NEVER_UNEXPLAINED, LawKind.SAFETY, audit_laws.the_log_has_no_gap_and_no_fork),
    Law(Sentence.NEVER_FORGOTTEN, LawKind.LIVENESS, audit_laws.each_message_is_in_the_log_once),
    Law(Sentence.NEVER_UNEXPLAINED, LawKind.LIVENESS, audit_laws.the_log_agrees_with_its_evidence),
    Law(Sentence.NEVER_UNEXPLAINED, LawKind.SAFETY, audit_laws.nothing_in_the_log_is_replaced),
    Law(Sentence.NEVER_FORGOTTEN, LawKind.LIVENESS, audit_laws.all_that_is_recorded_is_in_the_lake),
    Law(Sentence.ADDS_UP, LawKind.LIVENESS, audit_laws.the_day_is_closed),
)
# Of an account on paper beside one that is halted, and has limits that are met.
OF_A_NEIGHBOUR = (
    Law(Sentence.STOPS, LawKind.SAFETY, neighbour_laws.what_befalls_an_account_does_not_befall_its_neighbour),
    Law(Sentence.NEVER_FORGOTTEN, LawKind.LIVENESS, neighbour_laws.a_neighbour_is_decided_on_at_the_last_bar),
)
PAPER_LAWS = (*EVERYWHERE, *ON_PAPER)
LIVE_LAWS = (*EVERYWHERE, *AT_A_VENUE)


def broken(outcome: Outcome, laws: Iterable[Law]) -> list[str]:
    """Return every breach, after the name of its law."""
    return [f"{law.name}: {breach}" for law in laws for breach in law.broken(outcome)]
