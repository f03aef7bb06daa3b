"""Fills as the universal CSV files of tax trackers, with the columns that each documents.

Koinly: https://support.koinly.io/en/articles/9489976-how-to-create-a-custom-csv-file-with-your-data
CoinTracking: https://cointracking.freshdesk.com/solution/articles/29000007202-entering-fees
CoinLedger: https://help.coinledger.io/en/articles/6028758-universal-manual-import-template-guide
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC
from decimal import Decimal
from typing import NamedTuple

from fanfold.accounting.fill_entries import third_charges
from fanfold.money import exact
from fanfold.records import Fill

TextRow = tuple[str, ...]
KOINLY = ("Date", "Sent Amount", "Sent Currency", "Received Amount", "Received Currency", "Fee Amount", "Fee Currency",
          "Net Worth Amount", "Net Worth Currency", "Label", "Description", "TxHash")  # fmt: skip
COINTRACKING = ("Type", "Buy Amount", "Buy Currency", "Sell Amount", "Sell Currency", "Fee", "Fee Currency",
                "Exchange", "Trade-Group", "Comment", "Date", "Tx-ID")  # fmt: skip
COINLEDGER = ("Date (UTC)", "Platform (Optional)", "Asset Sent", "Amount Sent", "Asset Received", "Amount Received",
              "Fee Currency (Optional)", "Fee Amount (Optional)", "Type", "Description (Optional)",
              "TxHash (Optional)")  # fmt: skip


class _Exchanged(NamedTuple):
    """A fill as an exchange of two amounts before fees, and its fees by currency, none of them zero."""

    sent: Decimal
    sent_coin: str
    received: Decimal
    received_coin: str
    fees: list[tuple[Decimal, str]]


def koinly(fills: Iterable[Fill]) -> Iterator[TextRow]:
    """Yield Koinly's universal template: fees apart from the amounts, those beyond the first in rows of their own."""
    yield KOINLY
    for fill in _trades(fills):
        trade, at = exchanged(fill), f"{fill.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        about = (f"{fill.side} {fill.instrument} for {fill.instance} of {fill.account}", fill.trade_id)
        fee, others = _first_paid(trade.fees)
        amounts = (_text(trade.sent), trade.sent_coin, _text(trade.received), trade.received_coin)
        yield (at, *amounts, *fee, "", "", "", *about)
        for amount, coin in others:
            label = "cost" if amount > 0 else "reward"
            yield (at, *_sides(amount, coin), "", "", "", "", label, *about)


def cointracking(fills: Iterable[Fill]) -> Iterator[TextRow]:
    """Yield CoinTracking's import: fees of the pair inside the amounts, those in third coins as Other Fee."""
    yield COINTRACKING
    for fill in _trades(fills):
        trade, at = exchanged(fill), f"{fill.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        about = (fill.venue, fill.account, f"{fill.side} for {fill.instance}", at, fill.trade_id)
        pair = {trade.sent_coin, trade.received_coin}
        inside = [fee for fee in trade.fees if fee[1] in pair]
        bought, sold = _with_fees(trade, inside)
        fee, _ = _first_paid(inside)
        yield ("Trade", _text(bought), trade.received_coin, _text(sold), trade.sent_coin, *fee, *about)
        for amount, coin in trade.fees:
            if coin not in pair:
                sent, sent_coin, received, received_coin = _sides(amount, coin)
                kind = "Other Fee" if amount > 0 else "Other Income"
                yield (kind, received, received_coin, sent, sent_coin, "", "", *about)


def coinledger(fills: Iterable[Fill]) -> Iterator[TextRow]:
    """Yield CoinLedger's universal template: fees apart from the amounts, those beyond the first as payments."""
    yield COINLEDGER
    for fill in _trades(fills):
        trade, at = exchanged(fill), f"{fill.at.astimezone(UTC):%m/%d/%Y %H:%M:%S}"
        about = (f"{fill.side} for {fill.instance} of {fill.account}", fill.trade_id)
        (fee, fee_coin), others = _first_paid(trade.fees)
        yield (at, fill.venue, trade.sent_coin, _text(trade.sent), trade.received_coin, _text(trade.received),
               fee_coin, fee, "Trade", *about)  # fmt: skip
        for amount, coin in others:
            sent, sent_coin, received, received_coin = _sides(amount, coin)
            kind = "Merchant Payment" if amount > 0 else "Income"
            yield (at, fill.venue, sent_coin, sent, received_coin, received, "", "", kind, *about)


TRACKERS: dict[str, Callable[[Iterable[Fill]], Iterator[TextRow]]] = {
    "koinly": koinly,
    "cointracking": cointracking,
    "coinledger": coinledger,
}


def _trades(fills: Iterable[Fill]) -> Iterator[Fill]:
    """Yield the fills that are trades: one of quantity 0 pays fees that the rows of others have."""
    return (fill for fill in fills if fill.is_trade)


@exact
def exchanged(fill: Fill) -> _Exchanged:
    """Return what a fill exchanged for what, and its fees; a rebate is below zero."""
    base, _, quote = fill.instrument.partition("/")
    value = fill.price * fill.quantity
    charged = [
        (fill.fee, quote),
        (fill.fee_base, base),
        *((each.amount, each.currency) for each in third_charges(fill)),
    ]
    fees = [(amount, coin) for amount, coin in charged if amount]
    if fill.side == "buy":
        return _Exchanged(value, quote, fill.quantity, base, fees)
    return _Exchanged(fill.quantity, base, value, quote, fees)


@exact
def _with_fees(trade: _Exchanged, fees: Iterable[tuple[Decimal, str]]) -> tuple[Decimal, Decimal]:
    """Return the amounts received and sent, with the fees of either currency in them."""
    received, sent = trade.received, trade.sent
    for amount, coin in fees:
        if coin == trade.received_coin:
            received -= amount
        else:
            sent += amount
    return received, sent


def _sides(amount: Decimal, coin: str) -> tuple[str, str, str, str]:
    """Return sent amount and coin, received amount and coin of a fee; a rebate is received."""
    text = _text(amount.copy_abs())
    return (text, coin, "", "") if amount > 0 else ("", "", text, coin)


def _first_paid(fees: list[tuple[Decimal, str]]) -> tuple[tuple[str, str], list[tuple[Decimal, str]]]:
    """Return the first fee that is none below zero, as text, and the others."""
    place = next((number for number, (amount, _) in enumerate(fees) if amount > 0), None)
    if place is None:
        return ("", ""), fees
    amount, coin = fees[place]
    return (_text(amount), coin), fees[:place] + fees[place + 1 :]


def _text(amount: Decimal) -> str:
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
