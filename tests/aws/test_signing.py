"""Our signatures against botocore's."""

import calendar
import time

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given
from hypothesis import strategies as st

from fanfold.aws.client.call import Credentials
from fanfold.aws.client.http import HttpRequest, percent_encode, query_of
from fanfold.aws.client.sigv4 import Place, sign

HOST = "bucket.example.amazonaws.com"
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
SEGMENTS = st.lists(TEXT.filter(lambda text: text not in {".", ".."}), max_size=4)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20)
HEADERS = st.dictionaries(st.from_regex(r"x-amz-[a-z]{1,9}-[a-z0-9]{1,9}", fullmatch=True), VALUES, max_size=4)
KEYS = st.builds(Credentials, access_key=st.just("AKID"), secret_key=TEXT, token=st.none() | st.just("session/+="))
# Names of which one may begin as another does, and go on with what sorts before an equals sign.
NAMES = st.from_regex(r"a[-.b]{0,2}", fullmatch=True)
REQUESTS = st.builds(
    HttpRequest,
    method=st.sampled_from(["GET", "PUT", "POST", "HEAD", "DELETE"]),
    path=SEGMENTS.map(lambda segments: "/" + "/".join(percent_encode(segment) for segment in segments)),
    query=st.dictionaries(NAMES | TEXT, TEXT, max_size=4).map(query_of),
    headers=HEADERS,
    body=st.binary(max_size=60),
)


@given(request=REQUESTS, keys=KEYS, service=st.sampled_from(["dynamodb", "sqs", "sns", "lambda", "s3"]))
def test_signatures_equal_those_of_botocore(request: HttpRequest, keys: Credentials, service: str) -> None:
    url = f"https://{HOST}{request.path}" + (f"?{request.query}" if request.query else "")
    theirs = AWSRequest(method=request.method, url=url, data=request.body, headers=dict(request.headers))
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(BotoCredentials(keys.access_key, keys.secret_key, keys.token), service, "eu-west-1").add_auth(theirs)
    # botocore reads the clock itself, so we sign at the time it wrote down.
    signed_at = calendar.timegm(time.strptime(theirs.context["timestamp"], "%Y%m%dT%H%M%SZ"))
    ours = sign(request, HOST, Place("eu-west-1", service), keys, signed_at + 0.5)
    assert ours["authorization"] == theirs.headers["Authorization"]


@pytest.mark.parametrize(("pairs", "wanted"), [
    ({"Param-3": "Value3", "Param": "Value2"}, "Param=Value2&Param-3=Value3"),
    ({"a.b": "1", "a": "2", "a-b": "3"}, "a=2&a-b=3&a.b=1"),
    ({"versions": "", "version-id-marker": "x", "version": "9"}, "version=9&version-id-marker=x&versions="),
])  # fmt: skip
def test_a_query_is_ordered_by_name_also_where_one_name_begins_as_another(pairs: dict[str, str], wanted: str) -> None:
    assert query_of(pairs) == wanted


def test_the_day_and_the_region_are_in_the_key() -> None:
    keys = Credentials(access_key="AKID", secret_key="secret")
    request = HttpRequest("POST", "/", "", {}, b"")
    places = [("eu-west-1", 0.0), ("eu-west-1", 86400.0), ("us-east-1", 0.0)]
    signatures = {sign(request, HOST, Place(region, "sqs"), keys, at)["authorization"][-64:] for region, at in places}
    assert len(signatures) == 3
