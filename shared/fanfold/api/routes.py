"""The routes: their paths, who may call them, and the records of request and response."""

from typing import Any, Literal, NamedTuple

from fanfold.api import chart_schemas, control_schemas, risk_schemas, schemas, system_schemas
from fanfold.api.problems import Problem, not_found
from fanfold.api.requests import CHAT, ApiRequest

Access = Literal["read", "control", "page", "webhook", "chat"]
# What the gateway must have asked a caller for; the chat stands in its place.
AUTHORITIES: dict[Access, str] = {"read": "jwt", "control": "iam", "page": "jwt", "webhook": "", "chat": ""}


class Route(NamedTuple):
    """``path`` may have a ``{parameter}``; ``gives`` has the body of each status that is no rejection.

    ``refuses`` are statuses of rejections that others of its access do not give. A token needs the ``scope``.
    """

    name: str
    method: str
    path: str
    access: Access
    about: str
    gives: dict[int, Any]
    query: type = schemas.NoQuery
    body: type | None = None
    refuses: tuple[int, ...] = ()
    scope: str = ""


ROUTES = (
    Route(
        "status",
        "GET",
        "/status",
        "read",
        "Accounts, their trading states and money.",
        {200: schemas.Status},
        schemas.AccountQuery,
    ),
    Route(
        "positions",
        "GET",
        "/positions",
        "read",
        "What each strategy instance holds.",
        {200: schemas.PositionList},
        schemas.AccountQuery,
    ),
    Route(
        "orders",
        "GET",
        "/orders",
        "read",
        "Orders and what became of them, newest first.",
        {200: schemas.OrderPage},
        schemas.OrdersQuery,
    ),
    Route(
        "order",
        "GET",
        "/orders/{order}",
        "read",
        "An order, its fills, and why it came to be.",
        {200: schemas.ExplainedOrder},
    ),
    Route(
        "trades",
        "GET",
        "/trades",
        "read",
        "The fills of an account on a UTC day, newest first.",
        {200: schemas.TradePage},
        schemas.TradesQuery,
    ),
    Route(
        "signals",
        "GET",
        "/signals",
        "read",
        "What each strategy instance wants to hold.",
        {200: schemas.Signals},
        schemas.AccountQuery,
    ),
    Route(
        "limits",
        "GET",
        "/limits",
        "read",
        "What is used of each limit of each account, as risk would decide now.",
        {200: risk_schemas.LimitList},
        schemas.AccountQuery,
    ),
    Route(
        "refusals",
        "GET",
        "/refusals",
        "read",
        "Refusals among the newest orders, by reason.",
        {200: risk_schemas.Refusals},
        schemas.AccountQuery,
    ),
    Route(
        "system",
        "GET",
        "/system",
        "read",
        "Queues, dead letters, alarms, functions and the audit chain.",
        {200: system_schemas.System},
    ),
    Route(
        "research",
        "GET",
        "/research",
        "read",
        "Kept runs: those of the library on a laptop, sweeps of the lake on AWS.",
        {200: system_schemas.Research},
        system_schemas.ResearchQuery,
    ),
    Route(
        "bars",
        "GET",
        "/bars",
        "read",
        "The closed bars of an instrument, for a chart.",
        {200: chart_schemas.BarColumns},
        chart_schemas.BarsQuery,
    ),
    Route(
        "equity",
        "GET",
        "/equity",
        "read",
        "The equity of an account over time, and what each strategy instance added.",
        {200: chart_schemas.AccountEquity},
        chart_schemas.EquityQuery,
    ),
    Route("openapi", "GET", "/openapi.json", "read", "This document.", {200: dict[str, Any]}),
    Route(
        "halt",
        "POST",
        "/halt",
        "control",
        "Stop accounts.",
        {200: control_schemas.HaltAnswer},
        body=control_schemas.HaltRequest,
    ),
    Route(
        "resume",
        "POST",
        "/resume",
        "control",
        "Ask for an account to trade again, or confirm that another asked for it.",
        {200: control_schemas.ResumeAnswer, 202: control_schemas.ResumeAnswer},
        body=control_schemas.ResumeRequest,
    ),
    Route(
        "page_halt",
        "POST",
        "/page/halt",
        "page",
        "Stop accounts, for whoever is signed in to the page.",
        {200: control_schemas.HaltAnswer},
        body=control_schemas.HaltRequest,
        scope="fanfold/halt",
    ),
    Route(
        "page_resume",
        "POST",
        "/page/resume",
        "page",
        "Ask to resume an account or confirm it, for whoever is signed in to the page.",
        {200: control_schemas.ResumeAnswer, 202: control_schemas.ResumeAnswer},
        body=control_schemas.ResumeRequest,
        scope="fanfold/resume",
    ),
    Route(
        "external",
        "POST",
        "/signals/external",
        "webhook",
        "Tell what an external strategy wants to hold.",
        {202: schemas.SignalTaken},
        body=schemas.ExternalSignal,
    ),
    Route(
        "fills",
        "POST",
        "/fills",
        "webhook",
        "Tell of fills of a live account before a poll fetches them.",
        {202: schemas.FillsTaken},
        body=schemas.FillsRequest,
        refuses=(403, 503),
    ),
    Route(
        "chat",
        "POST",
        "/chat/{platform}",
        "chat",
        "Take a command from a chat, in the platform's own form, and answer in it.",
        {200: dict[str, Any]},
    ),
)


def match_route(request: ApiRequest) -> tuple[Route, ApiRequest]:
    """Return the route of a request, and the request with its path's parameters.

    Raises Problem: 404 for no such path, 405 for no such method there, 401 and 403 for a caller that the gateway did
    not authorise as the route requires.
    """
    there = [(route, values) for route in ROUTES if (values := _parameters(route.path, request.path)) is not None]
    if not there:
        raise not_found(f"there is no {request.path!r}; GET /openapi.json tells what there is")
    for route, parameters in there:
        if route.method == request.method:
            _authorise(route, request)
            return route, request._replace(parameters=parameters)
    allowed = ", ".join(sorted({route.method for route, _ in there}))
    raise Problem(405, "method-not-allowed", f"{request.path} answers {allowed}", {"allow": allowed})


def _authorise(route: Route, request: ApiRequest) -> None:
    wanted = AUTHORITIES[route.access]
    if wanted and not request.principal:
        raise Problem(401, "unauthenticated", f"{route.path} is for {route.access}: it wants {wanted} credentials")
    if wanted and request.authority not in {wanted, CHAT}:
        raise Problem(403, "forbidden", f"{route.path} wants {wanted} credentials, not {request.authority}")
    if route.scope and route.scope not in request.scopes:
        raise Problem(403, "forbidden", f"{route.path} wants a token with the scope {route.scope}")


def _parameters(path: str, requested: str) -> dict[str, str] | None:
    wanted, parts = path.split("/"), requested.split("/")
    if len(wanted) != len(parts):
        return None
    pairs = list(zip(wanted, parts, strict=True))
    if all(part == other or (part.startswith("{") and other) for part, other in pairs):
        literal = all(not part.startswith("{") for part in wanted)
        return {} if literal else {part.strip("{}"): other for part, other in pairs if part.startswith("{")}
    return None
