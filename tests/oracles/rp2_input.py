"""Random ledgers as rp2 takes them. Nothing of Fanfold is imported here."""

import tempfile
from decimal import Decimal
from importlib import import_module
from typing import Any

from ledgers import ACCOUNTS, Event
from prezzemolo.avl_tree import AVLTree
from rp2.accounting_engine import AccountingEngine
from rp2.configuration import MAX_DATE, MIN_DATE, Configuration
from rp2.in_transaction import InTransaction
from rp2.input_data import InputData
from rp2.intra_transaction import IntraTransaction
from rp2.out_transaction import OutTransaction
from rp2.plugin.country.us import US
from rp2.rp2_decimal import RP2Decimal
from rp2.transaction_set import TransactionSet

SETTINGS = """[general]
assets = BTC, BNB
exchanges = one, two
holders = desk
[in_header]
timestamp = 0
asset = 1
exchange = 2
holder = 3
transaction_type = 4
spot_price = 5
crypto_in = 6
crypto_fee = 7
fiat_in_no_fee = 8
fiat_in_with_fee = 9
fiat_fee = 10
unique_id = 11
notes = 12
[out_header]
timestamp = 0
asset = 1
exchange = 2
holder = 3
transaction_type = 4
spot_price = 5
crypto_out_no_fee = 6
crypto_fee = 7
crypto_out_with_fee = 8
fiat_out_no_fee = 9
fiat_fee = 10
unique_id = 11
notes = 12
[intra_header]
timestamp = 0
asset = 1
from_exchange = 2
from_holder = 3
to_exchange = 4
to_holder = 5
spot_price = 6
crypto_sent = 7
crypto_received = 8
unique_id = 9
notes = 10
"""


def configuration() -> Configuration:
    """Return rp2's settings for the United States."""
    with tempfile.NamedTemporaryFile("w", suffix=".ini") as file:
        file.write(SETTINGS)
        file.flush()
        return Configuration(file.name, US(), allow_negative_balances=True)


def engine(method: str) -> AccountingEngine:
    """Return rp2's engine with one method for all years."""
    years: AVLTree[int, Any] = AVLTree()
    years.insert_node(MIN_DATE.year, import_module(f"rp2.plugin.accounting_method.{method}").AccountingMethod())
    return AccountingEngine(years_2_methods=years)


def _d(amount: Decimal) -> RP2Decimal:
    return RP2Decimal(amount)


def input_of(settings: Configuration, events: list[Event], coin: str) -> InputData | None:
    """Return the transactions of a coin; None where it was never bought."""
    sets = {kind: TransactionSet(settings, kind, coin, MIN_DATE, MAX_DATE) for kind in ("IN", "OUT", "INTRA")}
    for event in events:
        if event.coin == coin:
            _add(settings, sets, event)
        if coin == "BNB" and event.fee_bnb:
            sets["OUT"].add_entry(_fee(settings, event))
    if sets["IN"].is_empty():
        return None
    return InputData(coin, sets["IN"], sets["OUT"], sets["INTRA"])


def _add(settings: Configuration, sets: dict[str, TransactionSet], event: Event) -> None:
    at, value = str(event.at), event.price * event.quantity
    if event.kind == "transfer":
        other = ACCOUNTS[1 - ACCOUNTS.index(event.account)]
        sets["INTRA"].add_entry(IntraTransaction(
            settings, at, event.coin, event.account, "desk", other, "desk", _d(event.price), _d(event.quantity),
            _d(event.quantity - event.fee_base), row=event.number))  # fmt: skip
    elif event.kind == "buy":
        received = event.quantity - event.fee_base
        sets["IN"].add_entry(InTransaction(
            settings, at, event.coin, event.account, "desk", "BUY", _d(event.price), _d(received),
            crypto_fee=_d(event.fee_base) if event.fee_base else None,
            fiat_fee=None if event.fee_base else _d(event.fee + event.fee_worth), row=event.number))  # fmt: skip
    else:
        # A fee in quote or in a third coin lowers the proceeds, of which rp2 knows one figure.
        net = value - event.fee - event.fee_worth
        sets["OUT"].add_entry(OutTransaction(
            settings, at, event.coin, event.account, "desk", "SELL", _d(event.price), _d(event.quantity),
            _d(event.fee_base), fiat_out_no_fee=_d(net), row=event.number))  # fmt: skip


def _fee(settings: Configuration, event: Event) -> OutTransaction:
    worth = _d(event.fee_worth)
    return OutTransaction(
        settings, str(event.at), "BNB", event.account, "desk", "FEE", worth / _d(event.fee_bnb), _d(Decimal(0)),
        _d(event.fee_bnb), fiat_fee=worth, row=event.number)  # fmt: skip
