"""The page signs its reader in with an issuer that stands in, and tells nobody but the API of the token."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from typing import Any

import pytest

from fanfold.api.problems import Problem
from fanfold.page.files import PageSettings, SignIn
from support.canned_desk import CannedDesk
from support.stand_in_issuer import StandInIssuer


class GuardedDesk(CannedDesk):
    """A desk that answers who has a token, as the gateway on AWS does; ``tokens`` are those it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens: list[str] = []

    def read(self, event: dict[str, Any], context: object) -> dict[str, Any]:
        token = event["headers"].get("authorization", "")
        if not token.startswith("Bearer "):
            return self._response(event, Problem(401, "unauthenticated", "no token"))
        self.tokens.append(token.removeprefix("Bearer "))
        return super().read(event, context)


@pytest.fixture
def issuer() -> Iterator[StandInIssuer]:
    stand_in = StandInIssuer()
    with stand_in.serving():
        yield stand_in


@pytest.fixture
def desk() -> GuardedDesk:
    return GuardedDesk()


@pytest.fixture
def url(desk: GuardedDesk, issuer: StandInIssuer) -> Iterator[str]:
    settings = PageSettings(sign_in=SignIn(issuer=issuer.url, client="desk"))
    with desk.served(page=settings) as address:
        yield address


def claims(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    decoded: dict[str, Any] = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return decoded


def test_a_reader_signs_in_and_comes_back_to_the_view(opened, url, issuer, desk):
    shown = opened(f"{url}/#/system")
    shown.page.get_by_role("button", name="Sign in").click()
    shown.page.get_by_text("main ACTIVE").wait_for()
    assert shown.page.url == f"{url}/#/system"
    (request,) = issuer.requests
    assert (request["response_type"], request["code_challenge_method"]) == ("code", "S256")
    assert request["client_id"] == "desk"
    assert request["redirect_uri"] == f"{url}/"
    assert claims(desk.tokens[0])["scope"] == "openid"


def test_nothing_is_asked_of_the_desk_before_that(opened, url, desk):
    shown = opened(url)
    shown.page.get_by_role("button", name="Sign in").wait_for()
    assert (desk.reads, desk.tokens) == ([], [])
    assert (shown.barriers(), shown.complaints) == ([], [])


def test_no_secret_stays_in_the_browser(opened, url):
    page = opened(url).page
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("main ACTIVE").wait_for()
    assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]
    page.reload()
    page.get_by_role("button", name="Sign in").wait_for()


def test_the_identity_is_sent_where_the_access_token_is_no_jwt(opened, url, issuer, desk):
    issuer.opaque = True
    page = opened(url).page
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("main ACTIVE").wait_for()
    assert "nonce" in claims(desk.tokens[0])


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("refusal", "access_denied", "The issuer refused: access_denied."),
        ("nonce", "of another sign-in", "The token is not for this sign-in."),
    ],
)
def test_a_sign_in_that_fails_says_why_and_may_be_tried_again(opened, url, issuer, name, value, said):
    setattr(issuer, name, value)
    page = opened(url).page
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text(said).wait_for()
    setattr(issuer, name, "")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("main ACTIVE").wait_for()


def test_an_answer_to_no_question_of_the_page_is_refused(opened, url, issuer):
    page = opened(f"{url}/?code=code-1&state=forged").page
    page.get_by_text("not to a question of this page").wait_for()
    assert issuer.redeemed == []
    assert page.url == f"{url}/"


def test_a_token_that_has_run_out_asks_for_a_new_one(opened, url, issuer):
    issuer.expires_at = 1
    page = opened(url).page
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("The sign-in has run out.").wait_for()
