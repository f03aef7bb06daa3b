"""Our signatures against botocore's."""

import calendar
import time

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given
from hypothesis import strategies as st

from fanfold.aws.calls import Credentials
from fanfold.aws.exchange import Request, encoded, query_of
from fanfold.aws.signing import Place, sign

HOST = "bucket.example.amazonaws.com"
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
SEGMENTS = st.lists(TEXT.filter(lambda text: text not in {".", ".."}), max_size=4)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20)
HEADERS = st.dictionaries(st.from_regex(r"x-amz-[a-z]{1,9}-[a-z0-9]{1,9}", fullmatch=True), VALUES, max_size=4)
KEYS = st.builds(Credentials, access_key=st.just("AKID"), secret_key=TEXT, token=st.none() | st.just("session/+="))
REQUESTS = st.builds(
    Request,
    method=st.sampled_from(["GET", "PUT", "POST", "HEAD", "DELETE"]),
    path=SEGMENTS.map(lambda segments: "/" + "/".join(encoded(segment) for segment in segments)),
    query=st.dictionaries(TEXT, TEXT, max_size=4).map(query_of),
    headers=HEADERS,
    body=st.binary(max_size=60),
)


@given(request=REQUESTS, keys=KEYS, service=st.sampled_from(["dynamodb", "sqs", "sns", "lambda", "s3"]))
def test_signatures_equal_those_of_botocore(request: Request, keys: Credentials, service: str) -> None:
    url = f"https://{HOST}{request.path}" + (f"?{request.query}" if request.query else "")
    theirs = AWSRequest(method=request.method, url=url, data=request.body, headers=dict(request.headers))
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(BotoCredentials(keys.access_key, keys.secret_key, keys.token), service, "eu-west-1").add_auth(theirs)
    # botocore reads the clock itself, so we sign at the time it wrote down.
    signed_at = calendar.timegm(time.strptime(theirs.context["timestamp"], "%Y%m%dT%H%M%SZ"))
    ours = sign(request, HOST, Place("eu-west-1", service), keys, signed_at + 0.5)
    assert ours["authorization"] == theirs.headers["Authorization"]


def test_the_day_and_the_region_are_in_the_key() -> None:
    keys = Credentials(access_key="AKID", secret_key="secret")
    request = Request("POST", "/", "", {}, b"")
    places = [("eu-west-1", 0.0), ("eu-west-1", 86400.0), ("us-east-1", 0.0)]
    signatures = {sign(request, HOST, Place(region, "sqs"), keys, at)["authorization"][-64:] for region, at in places}
    assert len(signatures) == 3
