"""The terms of the venues on which orders can be placed, as data.

Sources: for Binance rest-api.md and errors.md of binance-spot-api-docs; for Kraken docs.kraken.com (add-order, clordid,
errors); for Coinbase docs.cdp.coinbase.com (create-order); for OKX www.okx.com/docs-v5; for Bybit
bybit-exchange.github.io/docs/v5 (order/create-order, error). Codes are those for which the venue says, itself or in
ccxt's table of exceptions, that the request was refused; what may also mean a time-out or a fault inside is left out.

A refused timestamp is definitive for its request alone: Binance's -1021, OKX's 50102, Bybit's 10002, Kraken's invalid
nonce. The protocol claims anew, with a new time, after it has measured its clock.
"""

from difflib import get_close_matches

from fanfold.errors import BadInput
from fanfold.trading.terms import VenueTerms

# The window is short, so that a frozen process cannot trade on an old decision. The margin covers ten seconds in which
# Binance may still wait for its engine, the lag of a look-up and the skew of clocks, twice over.
_WINDOW_S, _MARGIN_S = 5, 30


BINANCE = VenueTerms(
    exchange="binance",
    client_id_field="newClientOrderId",
    # "A unique id among open orders": once an order has filled, its id is taken again.
    client_id_scope="open",
    client_id_length_max=36,
    client_id_pattern=r"[.A-Z:/a-z0-9_-]{1,36}",
    fence="timestamp and window",
    window_s=_WINDOW_S,
    margin_s=_MARGIN_S,
    # -1003 and -1015 come with 429, and a 4XX says that the request was wrong. -1006, -1007 and each 5XX are unknown.
    rejections=frozenset(
        {
            "-1002",
            "-1003",
            "-1013",
            "-1014",
            "-1015",
            "-1020",
            "-1021",
            "-1022",
            "-1100",
            "-1101",
            "-1102",
            "-1103",
            "-1104",
            "-1105",
            "-1106",
            "-1111",
            "-1112",
            "-1114",
            "-1115",
            "-1116",
            "-1117",
            "-1118",
            "-1121",
            "-1128",
            "-1130",
            "-1131",
            "-2008",
            "-2010",
            "-2014",
            "-2015",
        }
    ),
    # A -2010 like others, told apart by its text.
    duplicates=frozenset({"Duplicate order sent"}),
    sandbox=True,
    cancels_all_after=False,
)
KRAKEN = VenueTerms(
    exchange="kraken",
    client_id_field="cl_ord_id",
    client_id_scope="open",
    # A UUID with or without dashes, or free text of up to 18 characters; an id of ours has 26.
    client_id_length_max=32,
    client_id_pattern=r"[0-9a-f]{32}",
    client_id_form="uuid",
    fence="deadline",
    window_s=_WINDOW_S,
    margin_s=_MARGIN_S,
    # EService:Deadline elapsed is left out: its text does not exclude that the engine has the order.
    rejections=frozenset(
        {
            "EAPI:Invalid key",
            "EAPI:Invalid nonce",
            "EAPI:Invalid signature",
            "EAPI:Rate limit exceeded",
            "EGeneral:Invalid arguments",
            "EGeneral:Permission denied",
            "EGeneral:Temporary lockout",
            "EOrder:Cost minimum not met",
            "EOrder:Insufficient funds",
            "EOrder:Invalid price",
            "EOrder:Order minimum not met",
            "EOrder:Orders limit exceeded",
            "EOrder:Post only order",
            "EOrder:Rate limit exceeded",
            "EOrder:Tick size check failed",
            "EQuery:Invalid asset pair",
            "EQuery:Unknown asset pair",
            "EService:Market in cancel_only mode",
            "EService:Market in post_only mode",
            "ETrade:User Locked",
        }
    ),
    # Kraken does not document the text, so that everything about the id counts.
    duplicates=frozenset({"cl_ord_id"}),
    sandbox=False,
    cancels_all_after=True,
)
COINBASE = VenueTerms(
    exchange="coinbase",
    client_id_field="client_order_id",
    # A second order under the same id is answered with the first.
    client_id_scope="forever",
    client_id_length_max=36,
    client_id_pattern=r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    client_id_form="dashed uuid",
    fence="",
    window_s=_WINDOW_S,
    margin_s=2 * _MARGIN_S,
    rejections=frozenset(
        {
            "INELIGIBLE_PAIR",
            "INSUFFICIENT_FUND",
            "INVALID_LIMIT_PRICE",
            "INVALID_LIMIT_PRICE_POST_ONLY",
            "INVALID_NO_LIQUIDITY",
            "INVALID_PRICE_PRECISION",
            "INVALID_PRODUCT_ID",
            "INVALID_SIDE",
            "INVALID_SIZE_PRECISION",
            "ORDER_ENTRY_DISABLED",
            "UNSUPPORTED_ORDER_CONFIGURATION",
        }
    ),
    duplicates=frozenset({"DUPLICATE_CLIENT_ORDER_ID"}),
    sandbox=False,
    cancels_all_after=False,
)
OKX = VenueTerms(
    exchange="okx",
    client_id_field="clOrdId",
    client_id_scope="open",
    client_id_length_max=32,
    client_id_pattern=r"[a-zA-Z0-9]{1,32}",
    fence="expiry",
    window_s=_WINDOW_S,
    margin_s=_MARGIN_S,
    # 50004 and 51149 are time-outs, 50001, 50013 and 50026 faults inside: unknown.
    rejections=frozenset(
        {
            "50000",
            "50002",
            "50006",
            "50008",
            "50011",
            "50014",
            "50024",
            "50027",
            "50061",
            "50101",
            "50102",
            "50103",
            "50104",
            "50105",
            "50106",
            "50107",
            "50110",
            "50111",
            "50112",
            "50113",
            "50114",
            "50115",
            "51000",
            "51001",
            "51004",
            "51005",
            "51006",
            "51008",
            "51020",
            "51024",
            "51100",
            "51118",
            "51119",
            "51120",
            "51121",
            "51122",
            "51127",
            "51131",
            "51201",
            "51202",
            "51203",
            "51204",
        }
    ),
    duplicates=frozenset({"51016", "51011"}),
    sandbox=True,
    cancels_all_after=True,
)
BYBIT = VenueTerms(
    exchange="bybit",
    client_id_field="orderLinkId",
    client_id_scope="open",
    client_id_length_max=36,
    client_id_pattern=r"[A-Za-z0-9_-]{1,36}",
    fence="timestamp and window",
    window_s=_WINDOW_S,
    margin_s=_MARGIN_S,
    # 10000, 10016, 170007 and 170146 are time-outs and faults inside: unknown.
    rejections=frozenset(
        {
            "10001",
            "10002",
            "10003",
            "10004",
            "10005",
            "10006",
            "10010",
            "10024",
            "10027",
            "10029",
            "170105",
            "170115",
            "170116",
            "170117",
            "170121",
            "170124",
            "170130",
            "170131",
            "170132",
            "170133",
            "170134",
            "170135",
            "170136",
            "170137",
            "170140",
            "170193",
            "170194",
            "170201",
            "170217",
            "170224",
        }
    ),
    duplicates=frozenset({"10014", "12141", "110072", "170141", "uplicate"}),
    sandbox=True,
    # Bybit's "disconnect cancel all" goes by the loss of a WebSocket, which a function does not have.
    cancels_all_after=False,
)
_TERMS = {terms.exchange: terms for terms in (BINANCE, KRAKEN, COINBASE, OKX, BYBIT)}


def terms_of(exchange: str) -> VenueTerms:
    """Return the terms of an exchange. Raises BadInput, naming those that there are, for any other."""
    if exchange not in _TERMS:
        near = get_close_matches(exchange, _TERMS, n=1)
        hint = f"; {near[0]} is near" if near else ""
        raise BadInput(f"no real orders can be placed at {exchange!r}{hint}; they can at {', '.join(_TERMS)}")
    return _TERMS[exchange]
