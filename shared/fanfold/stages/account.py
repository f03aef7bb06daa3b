"""What an account has for a stage, and what it lacks: bootstrap, bucket, images, room for functions."""

from collections.abc import Callable, Mapping
from functools import cache

from fanfold.aws.client.call import AwsFault, Call, owned
from fanfold.deployment import SERVICES
from fanfold.stages import names
from fanfold.stages.bootstrap import ACCOUNT
from fanfold.stages.finding import StageFinding

# Of each service two at work, and one that answers people.
CONCURRENCY_MIN = 10


def own_buckets(call: Call) -> Call:
    """The call, which meets no bucket but those of the account that asks; who that is, is asked once."""
    return owned(call, cache(lambda: str(call("sts", "GetCallerIdentity", {})["Account"])))


def account_findings(call: Call, stage: str, environ: Mapping[str, str]) -> list[StageFinding]:
    """What was looked at in the account, in the order in which it is wanted."""
    own = names.own(stage, names.bucket_prefix(stage, environ))
    stacks = {"bootstrap": ACCOUNT, "bounds": f"{ACCOUNT}-{own.stage}"}
    found = [_stack(call, name, stack, own.stage) for name, stack in stacks.items()]
    bucket = {"Bucket": own.deployment_bucket}
    there, fix = f"{own.deployment_bucket} is there", f"make bootstrap STAGE={own.stage}"
    found.append(_asked("artefacts", lambda: call("s3", "HeadBucket", bucket), there, fix))
    found += [_image(call, one, environ) for one in SERVICES if environ.get(names.digest(one))]
    return [*found, _concurrency(call)]


def _stack(call: Call, name: str, stack: str, stage: str) -> StageFinding:
    def ask() -> object:
        return call("cloudformation", "DescribeStacks", {"StackName": stack})

    return _asked(name, ask, f"the stack {stack} is there", f"make bootstrap STAGE={stage}")


def _image(call: Call, service: str, environ: Mapping[str, str]) -> StageFinding:
    digest = environ[names.digest(service)]
    asked = {"repositoryName": f"fanfold-{service}", "imageIds": [{"imageDigest": digest}]}
    found = f"{digest[:19]}... is in the registry"
    return _asked(f"{service} image", lambda: call("ecr", "DescribeImages", asked), found, "make push-images")


def _concurrency(call: Call) -> StageFinding:
    name = "concurrency"
    try:
        limit = int(call("lambda", "GetAccountSettings", {})["AccountLimit"]["ConcurrentExecutions"])
    except AwsFault as fault:
        return StageFinding(name, str(fault), "ask for lambda:GetAccountSettings")
    fix = "" if limit >= CONCURRENCY_MIN else "ask Service Quotas for more concurrent executions of Lambda"
    return StageFinding(name, f"{limit} functions at once, of which a stage wants {CONCURRENCY_MIN}", fix)


def _asked(name: str, ask: Callable[[], object], found: str, fix: str) -> StageFinding:
    try:
        ask()
    except AwsFault as fault:
        return StageFinding(name, str(fault), fix)
    return StageFinding(name, found)
