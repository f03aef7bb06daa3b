"""The rules of an instrument, inferred from its bars where no venue tells them."""

from datetime import UTC, datetime
from decimal import Decimal

from fanfold.desk import Instrument
from fanfold.importers import symbols
from fanfold.importers.table import Integers
from fanfold.market.recording import Recording

# What most venues take at least of a dollar-like quote; a file cannot tell.
NOTIONAL_MIN = Decimal(5)
# A dollar or so in any other quote currency.
_SMALL = Decimal("0.0001")
# The decimal places of a lot at a price of one tick: no venue has more, and a back-test counts cash in 64 bits of them.
_PLACES_OF_DOLLARS, _PLACES = 11, 15


def infer(source: str, recording: Recording, bars: Integers, *, unbounded: bool) -> Instrument:
    """Return the rules that the bars tell, with tick and lot of the last decimal place seen.

    Of volumes with more places than any venue has, such as computed ones, the lot is a larger one. ``bars`` are the
    rows of the recording; ``unbounded`` says that their volumes are assumed.
    """
    base, quote = recording.instrument.split("/")
    # Whole volumes tell no lot, and one of 1 BTC would let nothing trade.
    whole = recording.volume_scale == 0
    highest = Decimal(int(bars[:, 2].max())).scaleb(-recording.price_scale)
    origin = f"inferred from {source}"
    places = (_PLACES_OF_DOLLARS if quote in symbols.DOLLAR_LIKE else _PLACES) - recording.price_scale
    if unbounded or whole:
        origin += ", the lot assumed: " + ("it tells no volume" if unbounded else "its volumes are whole numbers")
    elif places < recording.volume_scale:
        origin += f", the lot assumed: its volumes have {recording.volume_scale} decimals"
    return Instrument(
        base=base,
        quote=quote,
        tick=Decimal(1).scaleb(-recording.price_scale),
        lot=_small_lot(highest, quote) if whole else Decimal(1).scaleb(-max(0, min(places, recording.volume_scale))),
        notional_min=NOTIONAL_MIN if quote in symbols.DOLLAR_LIKE else Decimal(0),
        as_of=datetime.fromtimestamp(recording.closes_at_s(-1), UTC).date().isoformat(),
        source=origin,
    )


def small(quote: str) -> Decimal:
    """Return a dollar or so in a quote currency."""
    return Decimal(1) if quote in symbols.DOLLAR_LIKE else _SMALL


def _small_lot(price: Decimal, quote: str) -> Decimal:
    """The power of ten that comes to a dollar or so at the highest price, at most 1."""
    return Decimal(1).scaleb(-max(0, (price / small(quote)).adjusted() + 1))
