"""The terms on which each venue takes orders, as data: ids, fences, margins, definitive rejections.

What a venue's own documents or ccxt's reading of its answers does not say to be definitive is left out: it then counts
as unknown, which costs a wait and never an order. A venue that is not listed here takes no real orders.
"""

from typing import Literal

import msgspec

from fanfold.desk import Desk
from fanfold.errors import BadInput

# Six digits around the 26 of an id make a UUID of it: four in front, its version and its variant.
_MARK, _VERSION, _VARIANT = "fa4f", "4", "a"
_UUID_LENGTH = 32
# What the client order ids of a pair have behind ours: of its stop, and of its profit.
PAIR = ("-stop", "-profit")


class VenueTerms(msgspec.Struct, frozen=True, kw_only=True):
    """A venue's terms.

    ``fence`` names how a request is kept from being taken after its deadline: "" where the venue has no such thing, and
    then an order of unknown outcome is never sent again. ``margin_s`` is how long after the deadline its "not found"
    becomes final: processing after the window, lag of queries and clock skew together. ``rejections`` are the codes
    that say that the venue will never have the order of this request; after ``lapses`` alone the same order may be
    sent again, for the request was late, early or one too many. ``duplicates`` are answers that say that it has an
    order of this id, as code, or as code and text. ``not_found`` is what a look-up gets for an order that it never had.
    ``unauthorised`` are those rejections that are about the key, which may just be replaced: where the venue has a
    fence, the order may be sent again under the next one. ``unfit`` are those rejections that a rule of the instrument
    may be behind, such as its tick.
    ``rests`` are the kinds of orders that protect a position there: a stop, and a pair of it and a profit to take, of
    which one ends the other. One whose outcome stays unknown would bar the way out of its position, so a venue without
    a fence has none.
    ``history`` is what one reading of trades covers: an instrument, or all of the account. ``burst_s`` is how much of
    the pace that ccxt states may go out at once after a pause, in seconds of it.
    """

    exchange: str
    client_id_scope: Literal["open", "forever"]
    client_id_length_max: int
    client_id_length_min: int = 1
    fence: Literal["timestamp and window", "deadline", "expiry", ""]
    window_s: int = 5
    margin_s: int = 30
    rejections: frozenset[str]
    lapses: frozenset[str] = frozenset()
    duplicates: frozenset[str] = frozenset()
    not_found: frozenset[str] = frozenset()
    unfit: frozenset[str] = frozenset()
    unauthorised: frozenset[str] = frozenset()
    sandbox: bool
    cancels_all_after: bool
    rests: frozenset[Literal["stop-limit", "oco"]] = frozenset()
    history: Literal["instrument", "account"] = "instrument"
    burst_s: float = 0.2


BINANCE = VenueTerms(
    exchange="binance",
    # The same id is taken again once the order before is filled, canceled or expired.
    client_id_scope="open",
    client_id_length_max=36,
    fence="timestamp and window",
    rejections=frozenset(
        {"-1013", "-1014", "-1022", "-1100", "-1101", "-1102", "-1103", "-1104", "-1105", "-1106", "-1111", "-1114"}
        | {"-1115", "-1116", "-1117", "-1118", "-1121", "-1128", "-1130", "-2010", "-2014", "-2015"}
    ),
    # Of its answers -1006 and -1007 alone say that the outcome is unknown; -1015 and the limits of requests are told
    # before an order is looked at.
    lapses=frozenset({"-1003", "-1015", "-1021"}),
    duplicates=frozenset({"-2010 Duplicate order sent."}),
    not_found=frozenset({"-2013"}),
    unfit=frozenset({"-1013", "-1111"}),
    unauthorised=frozenset({"-1022", "-2014", "-2015"}),
    sandbox=True,
    cancels_all_after=False,
    rests=frozenset({"stop-limit", "oco"}),
    # It counts by the minute: a twelfth of that.
    burst_s=5,
)
KRAKEN = VenueTerms(
    exchange="kraken",
    client_id_scope="open",
    # A UUID as 32 hex digits, or at most 18 characters, which is shorter than our ids.
    client_id_length_min=32,
    client_id_length_max=32,
    fence="deadline",
    rejections=frozenset(
        {
            "EAPI:Invalid key",
            "EAPI:Invalid signature",
            "EGeneral:Invalid arguments",
            "EGeneral:Permission denied",
            "EOrder:Cost minimum not met",
            "EOrder:Insufficient funds",
            "EOrder:Order minimum not met",
            "EOrder:Orders limit exceeded",
            "EOrder:Tick size check failed",
            "EQuery:Invalid asset pair",
        }
    ),
    # Of "EService:Deadline elapsed" Kraken does not say that the engine has not got the order.
    lapses=frozenset(
        {
            "EAPI:Invalid nonce",
            "EAPI:Rate limit exceeded",
            "EOrder:Rate limit exceeded",
            "EService:Market in cancel_only mode",
        }
    ),
    unfit=frozenset(
        {
            "EGeneral:Invalid arguments",
            "EOrder:Cost minimum not met",
            "EOrder:Order minimum not met",
            "EOrder:Tick size check failed",
        }
    ),
    unauthorised=frozenset({"EAPI:Invalid key", "EAPI:Invalid signature"}),
    sandbox=False,
    cancels_all_after=True,
    rests=frozenset({"stop-limit"}),
    history="account",
    # Its counter of a key allows 15 calls at once in the lowest tier, and one more in three seconds, which ccxt has as
    # a cost of 3 in each. Three processes of execution may share the key.
    burst_s=15,
)
COINBASE = VenueTerms(
    exchange="coinbase",
    client_id_scope="forever",
    client_id_length_max=36,
    fence="",
    rejections=frozenset(
        {"INSUFFICIENT_FUND", "INVALID_ARGUMENT", "PERMISSION_DENIED", "UNSUPPORTED_ORDER_CONFIGURATION"}
    ),
    unfit=frozenset({"INVALID_ARGUMENT"}),
    sandbox=False,
    cancels_all_after=False,
)
OKX = VenueTerms(
    exchange="okx",
    client_id_scope="open",
    client_id_length_max=32,
    fence="expiry",
    rejections=frozenset(
        {"50110", "50111", "50113", "50114", "51000", "51001", "51006", "51008", "51020", "51119", "51121"}
        | {"51127", "51131"}
    ),
    # 50004 and 51149 say that nobody knows.
    lapses=frozenset({"50011", "50036", "50102", "51113"}),
    duplicates=frozenset({"51016"}),
    not_found=frozenset({"51603"}),
    unfit=frozenset({"51000", "51006", "51020", "51121"}),
    unauthorised=frozenset({"50111", "50113", "50114"}),
    sandbox=True,
    cancels_all_after=True,
    # A stop is an algo order, whose request does not heed the expiry.
    rests=frozenset(),
)
BYBIT = VenueTerms(
    exchange="bybit",
    client_id_scope="open",
    client_id_length_max=36,
    fence="timestamp and window",
    rejections=frozenset(
        {"10001", "10003", "10004", "10005", "170033", "170121", "170124", "170131", "170132", "170133", "170134"}
        | {"170135", "170136", "170137", "170140", "170148", "170193", "170194"}
    ),
    lapses=frozenset({"10002", "10006", "10018", "170222"}),
    duplicates=frozenset({"170141"}),
    not_found=frozenset({"170213"}),
    unfit=frozenset({"170121", "170124", "170132", "170133", "170134", "170135", "170136", "170137", "170140"}),
    unauthorised=frozenset({"10003", "10004"}),
    sandbox=True,
    # Its cancel of everything hangs on a WebSocket that breaks, which a function has not.
    cancels_all_after=False,
    # It does not document under which id a stop trades that was triggered.
    rests=frozenset(),
)
TERMS = {terms.exchange: terms for terms in (BINANCE, KRAKEN, COINBASE, OKX, BYBIT)}


def client_id(terms: VenueTerms, client_order_id: str) -> str:
    """Return a client order id as it is sent to the venue: as a UUID where the venue takes nothing shorter."""
    sent = client_order_id
    if terms.client_id_length_min == _UUID_LENGTH:
        sent = f"{_MARK}{sent[:8]}{_VERSION}{sent[8:11]}{_VARIANT}{sent[11:]}"
    if not terms.client_id_length_min <= len(sent) <= terms.client_id_length_max:
        bounds = f"{terms.client_id_length_min} to {terms.client_id_length_max}"
        raise BadInput(f"client order id {sent} has not the {bounds} characters that {terms.exchange} takes")
    return sent


def own_id(terms: VenueTerms, sent: str) -> str:
    """Return the client order id of which the venue has a UUID, or one of a pair's; others are returned as they are."""
    if "oco" in terms.rests:
        for ending in PAIR:
            sent = sent.removesuffix(ending)
    framed = sent.startswith(_MARK) and sent[12:13] == _VERSION and sent[16:17] == _VARIANT
    if terms.client_id_length_min == len(sent) == _UUID_LENGTH and framed:
        return sent[4:12] + sent[13:16] + sent[17:]
    return sent


def rests_of(desk: Desk) -> dict[str, frozenset[str]]:
    """Return, for each live account, the kinds of orders that protect a position at its venue."""
    live = {name: desk.venues[account.venue] for name, account in desk.accounts.items() if account.mode == "live"}
    return {name: frozenset(TERMS[venue.exchange].rests) for name, venue in live.items() if venue.exchange in TERMS}


def terms_of(exchange: str) -> VenueTerms:
    """Return an exchange's terms. Raises BadInput for one that takes no real orders of ours."""
    if exchange not in TERMS:
        raise BadInput(f'{exchange} takes no real orders yet; {", ".join(sorted(TERMS))} do: use mode = "paper"')
    return TERMS[exchange]
