"""Check what an account has for a stage: bootstrap, bucket, images, concurrency of functions."""

from collections.abc import Callable, Mapping
from functools import cache

from fanfold.aws.client.call import AwsFault, Call, with_expected_owner
from fanfold.deployment import SERVICES
from fanfold.stages import names
from fanfold.stages.bootstrap import ACCOUNT
from fanfold.stages.finding import StageFinding

# Enough for two functions of each service at a time.
CONCURRENCY_MIN = 10


def own_buckets(call: Call) -> Call:
    """Return a call that rejects buckets of other accounts; it asks AWS once whose account it is in."""
    return with_expected_owner(call, cache(lambda: str(call("sts", "GetCallerIdentity", {})["Account"])))


def account_findings(call: Call, stage: str, environ: Mapping[str, str]) -> list[StageFinding]:
    """Return a finding on each thing that a deploy needs of the account, in the order in which it needs them."""
    own = names.resources_of(stage, names.bucket_prefix(stage, environ))
    stacks = {"bootstrap": ACCOUNT, "bounds": f"{ACCOUNT}-{own.stage}"}
    findings = [_stack(call, name, stack, own.stage) for name, stack in stacks.items()]
    bucket = {"Bucket": own.deployment_bucket}
    there, fix = f"{own.deployment_bucket} is there", f"make bootstrap STAGE={own.stage}"
    findings.append(_finding("artefacts", lambda: call("s3", "HeadBucket", bucket), there, fix))
    findings += [_image(call, service, environ) for service in SERVICES if environ.get(names.digest(service))]
    return [*findings, _concurrency(call)]


def _stack(call: Call, name: str, stack: str, stage: str) -> StageFinding:
    def ask() -> object:
        return call("cloudformation", "DescribeStacks", {"StackName": stack})

    return _finding(name, ask, f"the stack {stack} is there", f"make bootstrap STAGE={stage}")


def _image(call: Call, service: str, environ: Mapping[str, str]) -> StageFinding:
    digest = environ[names.digest(service)]
    request = {"repositoryName": f"fanfold-{service}", "imageIds": [{"imageDigest": digest}]}
    there = f"{digest[:19]}... is in the registry"
    return _finding(f"{service} image", lambda: call("ecr", "DescribeImages", request), there, "make push-images")


def _concurrency(call: Call) -> StageFinding:
    name = "concurrency"
    try:
        limit = int(call("lambda", "GetAccountSettings", {})["AccountLimit"]["ConcurrentExecutions"])
    except AwsFault as fault:
        return StageFinding(name, str(fault), "ask for lambda:GetAccountSettings")
    fix = "" if limit >= CONCURRENCY_MIN else "ask Service Quotas for more concurrent executions of Lambda"
    return StageFinding(name, f"{limit} functions at once, of which a stage wants {CONCURRENCY_MIN}", fix)


def _finding(name: str, ask: Callable[[], object], there: str, fix: str) -> StageFinding:
    try:
        ask()
    except AwsFault as fault:
        return StageFinding(name, str(fault), fix)
    return StageFinding(name, there)
