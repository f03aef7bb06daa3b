"""Fills and round trips in compiled code: exact integers, first in first out."""

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from fanfold.research.columns import Integers
from fanfold.research.compiled import part

piece = part(error_model="numpy")
# A sum of two figures below it fits into 64 bits.
LIMIT = 2.0**62
# How a scan ended: at the last bar, or at a figure that 64 bits do not hold.
DONE, OVERFLOW = 0, 1


class ScanResult(NamedTuple):
    """The outcome of a scan of one instrument, in integers: money of ``scale`` decimals, rows of fills and trips."""

    fills: Integers
    trips: Integers
    equity: Integers
    scale: int


class FillField(IntEnum):
    """A fill: the number of its time, leg, signed lots, price in ticks, fee in steps of cash.

    The last three are of its lot: what is not closed yet, with its fee, and the fill of the leg's next lot.
    """

    AT = 0
    LEG = 1
    LOTS = 2
    PRICE = 3
    FEE = 4
    LEFT = 5
    LEFT_FEE = 6
    FOLLOWS = 7


class TripField(IntEnum):
    """A round trip: the fills that opened and closed it, its signed lots, cost, both fees, and profit after them."""

    OPENED = 0
    CLOSED = 1
    LOTS = 2
    COST = 3
    FEES = 4
    PROFIT = 5


class FillTape(NamedTuple):
    """Rows of fills and of round trips, and how many there are; ``lots`` are the oldest and newest of each leg."""

    fills: Integers
    trips: Integers
    counts: Integers
    lots: Integers


FILLS, TRIPS = 0, 1
OLDEST, NEWEST = 0, 1


def blank_tape(fills_max: int, legs: int) -> FillTape:
    """Return a tape for so many fills."""
    return FillTape(
        fills=np.empty((fills_max, len(FillField)), np.int64),
        trips=np.empty((fills_max, len(TripField)), np.int64),
        counts=np.zeros(2, np.int64),
        lots=np.full((legs, 2), -1, np.int64),
    )


def longer(tape: FillTape) -> FillTape:
    """Return a tape with room for twice as many fills, which goes on from one that is left behind."""
    held, rows = tape.counts[FILLS], 2 * len(tape.fills)
    fills, trips = (np.empty((rows, column.shape[1]), np.int64) for column in tape[:2])
    fills[:held], trips[:held] = tape.fills[:held], tape.trips[:held]
    return FillTape(fills, trips, tape.counts, tape.lots)


@piece
def portion(amount: int, part: int, whole: int) -> int:
    """Return ``amount * part // whole`` of figures that are not below zero, where the product fits into no 64 bits.

    A float finds the quotient to within a few steps; the remainder, of which the upper bits do not matter, corrects it.
    """
    quotient = int(float(amount) * float(part) / float(whole))
    remainder = amount * part - quotient * whole
    while remainder < 0:
        quotient -= 1
        remainder += whole
    while remainder >= whole:
        quotient += 1
        remainder -= whole
    return quotient


@piece
def agree(lots: int, other: int) -> bool:
    """Return whether two quantities are on the same side of zero; their product may fit into no 64 bits."""
    return (lots > 0 and other > 0) or (lots < 0 and other < 0)


@piece
def oppose(lots: int, other: int) -> bool:
    """Return whether two quantities are on opposite sides of zero."""
    return (lots > 0 and other < 0) or (lots < 0 and other > 0)


@piece
def is_less(part: int, whole: int, other: int, of: int) -> bool:
    """Return whether ``part / whole`` is below ``other / of``, of figures not below zero; products may not fit."""
    left, right = float(part) * float(of), float(other) * float(whole)
    # Floats tell, and in a fraction of the time, unless the two are as good as equal.
    if abs(left - right) > 1e-14 * right:
        return left < right
    less = False
    while True:
        quotient, another = part // whole, other // of
        part, other = part - quotient * whole, other - another * of
        if quotient != another or part == 0 or other == 0:
            below = quotient < another or (quotient == another and part == 0 and other > 0)
            above = quotient > another or (quotient == another and other == 0 and part > 0)
            return above if less else below
        # Of what is left the inverses are compared, the other way round.
        part, whole, other, of, less = whole, part, of, other, not less


@piece
def share_of(figure: int, of: int, by: int) -> int:
    """Return ``figure * of // by`` without overflow; only ``of * by`` has to fit into 64 bits."""
    # Most products fit, and of two divisions one is spared.
    if abs(float(figure)) * abs(float(of)) < LIMIT:
        return figure * of // by
    return figure // by * of + figure % by * of // by


@piece
def fee_of(notional: int, of: int, by: int, step: int) -> int:
    """Return the fee of a notional in steps of cash, rounded up to a whole ``step`` of them."""
    whole = by * step
    # A division takes as long as all else: of most notionals one will do.
    if float(notional) * abs(float(of)) < LIMIT:
        return -(-notional * of // whole) * step
    # Of what is left of a division the product fits into 64 bits.
    steps, rest = notional // whole, notional % whole
    return (steps * of - -rest * of // whole) * step


@piece
def _floored(price: int, tick: int) -> int:
    return price // tick * tick if tick != 1 else price


@piece
def worsened(side: int, price: int, of: int, by: int, tick: int) -> int:
    """Return a price moved against a side by a share of it, then to the next tick, as ``matching.prices`` does."""
    # To round twice the same way is to round once, and of a price only the share has to fit.
    against = share_of(-price, of, by) if of != 0 else 0
    if side > 0:
        return -_floored(against - price, tick)
    # Under one tick there is no price.
    moved = _floored(price + against, tick)
    return moved if moved > 0 else price


@piece
def write_fill(tape: FillTape, leg: int, at: int, lots: int, price: int, fee: int, worth: int, step: int) -> None:
    """Write a fill, close the leg's oldest lots by it, and open a lot with the rest.

    ``worth`` is the value of a lot at a price of one tick, ``step`` what fees are whole multiples of, in steps of cash.
    """
    number = tape.counts[FILLS]
    tape.counts[FILLS] = number + 1
    fill = tape.fills[number]
    fill[FillField.AT], fill[FillField.LEG], fill[FillField.LOTS] = at, leg, lots
    fill[FillField.PRICE], fill[FillField.FEE], fill[FillField.FOLLOWS] = price, fee, -1
    rest, rest_fee = _close(tape, leg, number, 1 if lots > 0 else -1, worth, step)
    fill[FillField.LEFT], fill[FillField.LEFT_FEE] = rest, rest_fee
    if rest > 0:
        if tape.lots[leg, OLDEST] < 0:
            tape.lots[leg, OLDEST] = number
        else:
            tape.fills[tape.lots[leg, NEWEST], FillField.FOLLOWS] = number
        tape.lots[leg, NEWEST] = number


@piece
def _close(tape: FillTape, leg: int, number: int, side: int, worth: int, step: int) -> tuple[int, int]:
    """Close lots by a fill, oldest first, and write what was closed; return its quantity and fee that are left."""
    fill, first = tape.fills[number], tape.lots[leg, OLDEST]
    rest, rest_fee, price = abs(fill[FillField.LOTS]), fill[FillField.FEE], fill[FillField.PRICE]
    size, cost, fees, profit = 0, 0, 0, 0
    while rest > 0 and tape.lots[leg, OLDEST] >= 0 and tape.fills[tape.lots[leg, OLDEST], FillField.LOTS] * side < 0:
        lot = tape.fills[tape.lots[leg, OLDEST]]
        there, paid, lot_fee = lot[FillField.LEFT], lot[FillField.PRICE], lot[FillField.LEFT_FEE]
        part = min(rest, there)
        entry_fee = lot_fee if part == there else portion(lot_fee // step, part, there) * step
        exit_fee = rest_fee if part == rest else portion(rest_fee // step, part, rest) * step
        lot[FillField.LEFT_FEE], lot[FillField.LEFT] = lot_fee - entry_fee, there - part
        rest_fee -= exit_fee
        rest -= part
        size += part
        cost += part * paid * worth
        fees += entry_fee + exit_fee
        profit += side * (paid - price) * part * worth - entry_fee - exit_fee
        if part == there:
            tape.lots[leg, OLDEST] = lot[FillField.FOLLOWS]
    if size > 0:
        trip = tape.trips[tape.counts[TRIPS]]
        tape.counts[TRIPS] += 1
        trip[TripField.OPENED], trip[TripField.CLOSED], trip[TripField.LOTS] = first, number, -side * size
        trip[TripField.COST], trip[TripField.FEES], trip[TripField.PROFIT] = cost, fees, profit
    return rest, rest_fee


def fills_of(tape: FillTape) -> Integers:
    """Return the rows of fills; see FillField."""
    return tape.fills[: tape.counts[FILLS]]


def trips_of(tape: FillTape) -> Integers:
    """Return the rows of round trips; see TripField."""
    return tape.trips[: tape.counts[TRIPS]]
