"""What holds of every stage's queues, functions, stores and alarms. A rule gives what is wrong."""

import re
from collections import Counter
from typing import Any

from merged import Stacks, of_type, owner

QUEUE = "AWS::SQS::Queue"
FUNCTION = "AWS::Lambda::Function"
MAPPING = "AWS::Lambda::EventSourceMapping"
ALARM = "AWS::CloudWatch::Alarm"
VISIBILITY_FACTOR = 6
FIFO_BATCH = 10
DAY_S = 24 * 3600
CHAIN_BEGINS = frozenset(
    {
        "market-data/PollLambdaFunction",
        "signal/WebhookLambdaFunction",
        "execution/FillsLambdaFunction",
        "risk/ApiUnderscorecontrolLambdaFunction",
        "audit/ApiLambdaFunction",
    }
)
RETENTION_S = 14 * 24 * 3600
SECRET_LIKE = re.compile(r"(?i)(secret|password|token|api_?key|private)")
# Where the keys of the venue and of senders of fills are, which no stack makes.
PARAMETER = re.compile(r"^/fanfold/[\w-]+/(venue|fills)$")
BY_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
KEPT = ("AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::KMS::Key")


def _dead_letters(stacks: Stacks) -> set[str]:
    """The queues that others give up to."""
    redrives = [one for _, one in of_type(stacks, QUEUE, "AWS::SNS::Subscription") if "RedrivePolicy" in one]
    return {owner(redrive["RedrivePolicy"]["deadLetterTargetArn"]) for redrive in redrives}


def unkept_failures(stacks: Stacks) -> list[str]:
    """Queues and subscriptions without a redrive policy, and dead-letter queues that forget too early."""
    dead = _dead_letters(stacks)
    sources = [
        name
        for name, one in of_type(stacks, QUEUE, "AWS::SNS::Subscription")
        if name not in dead and one.get("Protocol", "sqs") == "sqs" and "RedrivePolicy" not in one
    ]
    short = [
        name
        for name, one in of_type(stacks, QUEUE)
        if name in dead and one.get("MessageRetentionPeriod", 0) < RETENTION_S
    ]
    return sources + short


def unwatched_dead_letters(stacks: Stacks) -> list[str]:
    """Dead-letter queues that no alarm watches from the first message on, and alarms that tell nobody."""
    watched = set()
    for _, alarm in of_type(stacks, ALARM):
        if alarm.get("MetricName") == "ApproximateNumberOfMessagesVisible" and alarm["Threshold"] == 0:
            watched |= {owner(dimension["Value"]) for dimension in alarm["Dimensions"]}
    silent = [
        name
        for name, alarm in of_type(stacks, ALARM)
        if [owner(action) for action in alarm.get("AlarmActions", [])] != ["platform/AlarmTopic"]
    ]
    return sorted(_dead_letters(stacks) - watched) + silent


def unwatched_silence(stacks: Stacks) -> list[str]:
    """Where no alarm fires when bars stop: over three minutes, with missing data taken for a fault."""
    topic = stacks["platform/BarsTopic"]["Properties"]["TopicName"]
    found = [
        one
        for _, one in of_type(stacks, ALARM)
        if one.get("MetricName") == "NumberOfMessagesPublished"
        and one["Dimensions"] == [{"Name": "TopicName", "Value": topic}]
        and one["Period"] * one["EvaluationPeriods"] == 180
        and one["TreatMissingData"] == "breaching"
    ]
    return [] if found else ["nothing watches whether bars come"]


def uncounted_errors(stacks: Stacks) -> list[str]:
    """Functions whose failed invocations no alarm of the stage's own adds up; the filter reads Lambda's JSON alone."""
    alarmed = {(one["Namespace"], one["MetricName"]) for _, one in of_type(stacks, ALARM) if "MetricName" in one}
    counted = {
        owner(one["LogGroupName"])
        for _, one in of_type(stacks, "AWS::Logs::MetricFilter")
        for made in one["MetricTransformations"]
        if (made["MetricNamespace"], made["MetricName"]) in alarmed
    }
    groups = {one["LogGroupName"]: name for name, one in of_type(stacks, "AWS::Logs::LogGroup")}
    return [
        name
        for name, one in of_type(stacks, FUNCTION)
        if groups.get(f"/aws/lambda/{one['FunctionName']}") not in counted
        or one.get("LoggingConfig", {}).get("LogFormat") != "JSON"
    ]


def shared_queues(stacks: Stacks) -> list[str]:
    """Queues that are not read by one mapping alone."""
    readers = Counter(owner(one["EventSourceArn"]) for _, one in of_type(stacks, MAPPING))
    sources = {name for name, _ in of_type(stacks, QUEUE)} - _dead_letters(stacks)
    return sorted(name for name in sources | readers.keys() if readers[name] != 1)


def whole_batches(stacks: Stacks) -> list[str]:
    return [
        name
        for name, one in of_type(stacks, MAPPING)
        if one.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]
    ]


def unlimited_execution(stacks: Stacks) -> list[str]:
    return [
        name
        for name, one in of_type(stacks, MAPPING)
        if name.startswith("execution/") and one.get("ScalingConfig", {}).get("MaximumConcurrency") != 2
    ]


def crowded_chains(stacks: Stacks) -> list[str]:
    """Where more batches than two write to the chains at once, and only get into each other's way."""
    return [
        name
        for name, one in of_type(stacks, MAPPING)
        if name.startswith("audit/") and one.get("ScalingConfig", {}).get("MaximumConcurrency") != 2
    ]


def short_visibility(stacks: Stacks) -> list[str]:
    """Queues whose messages come back while a function may still work on them."""
    wrong = []
    for name, one in of_type(stacks, MAPPING):
        function = _function(stacks, owner(one["FunctionName"]))
        queue = stacks.get(owner(one["EventSourceArn"]), {}).get("Properties", {})
        # A message is hidden while its window lasts, too.
        window = one.get("MaximumBatchingWindowInSeconds", 0)
        if queue.get("VisibilityTimeout", 30) < VISIBILITY_FACTOR * function["Timeout"] + window:
            wrong.append(name)
    return wrong


def _function(stacks: Stacks, name: str) -> dict[str, Any]:
    """A function, also by its alias."""
    found = stacks[name]["Properties"]
    return found if "Timeout" in found else _function(stacks, owner(found["FunctionName"]))


def blind_canaries(stacks: Stacks) -> list[str]:
    """Canaries that an alarm of theirs alone does not hold: one that a fault of the version before could ring as well,
    or that does not hear of messages which are answered for and tried again."""
    wrong = []
    for name, group in of_type(stacks, "AWS::CodeDeploy::DeploymentGroup"):
        base = name.removesuffix("Canary")
        version = next(stack for stack in stacks if stack.startswith(f"{base}Version"))
        watched = [one["Name"] for one in group["AlarmConfiguration"]["Alarms"]]
        alarm = stacks.get(f"{base}CanaryAlarm", {}).get("Properties", {})
        heard = [metric["MetricStat"]["Metric"] for metric in alarm.get("Metrics", []) if "MetricStat" in metric]
        of_version = [one for one in heard if f"{version}.Version" in {pair["Value"] for pair in one["Dimensions"]}]
        counted = {
            made["MetricName"]
            for _, one in of_type(stacks, "AWS::Logs::MetricFilter")
            if owner(one["LogGroupName"]) == f"{base}LogGroup"
            for made in one["MetricTransformations"]
        }
        filtered = {one["MetricName"] for one in heard if one["Namespace"] != "AWS/Lambda"}
        after = stacks[f"{base}Alias"].get("DependsOn", [])
        if (watched != [f"{base}CanaryAlarm"] or of_version != heard or len(heard) != 2 or not filtered <= counted
                or f"{base.partition('/')[2]}CanaryAlarm" not in after):  # fmt: skip
            wrong.append(name)
    return wrong


def past_the_canary(stacks: Stacks) -> list[str]:
    """What reaches a function that has an alias in any other way: the canary would not hold back a bad deploy there."""
    guarded = {owner(one["FunctionName"]) for _, one in of_type(stacks, "AWS::Lambda::Alias")}
    called = {
        MAPPING: lambda one: [one["FunctionName"]],
        "AWS::Lambda::Permission": lambda one: [one["FunctionName"]],
        "AWS::ApiGatewayV2::Integration": lambda one: [one["IntegrationUri"]],
        "AWS::Scheduler::Schedule": lambda one: [one["Target"]["Arn"]],
        "AWS::StepFunctions::StateMachine": lambda one: list(one["DefinitionSubstitutions"].values()),
    }
    return [
        name
        for kind, targets in called.items()
        for name, one in of_type(stacks, kind)
        if {owner(target) for target in targets(one)} & guarded
    ]


def unencrypted(stacks: Stacks) -> list[str]:
    """What is not under the customer's key; of a bucket also what would ask for the key at every object."""
    wanted = {
        "AWS::SQS::Queue": lambda one: one.get("KmsMasterKeyId"),
        "AWS::SNS::Topic": lambda one: one.get("KmsMasterKeyId"),
        "AWS::DynamoDB::Table": lambda one: one.get("SSESpecification", {}).get("KMSMasterKeyId"),
        "AWS::Logs::LogGroup": lambda one: one.get("KmsKeyId"),
        "AWS::SecretsManager::Secret": lambda one: one.get("KmsKeyId"),
        "AWS::S3::Bucket": _bucket_key,
    }
    return [
        name for kind, key in wanted.items() for name, one in of_type(stacks, kind) if owner(key(one)) != "platform/Key"
    ]


def _bucket_key(bucket: dict[str, Any]) -> Any:
    rules = bucket.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration", [])
    return next(
        (rule["ServerSideEncryptionByDefault"].get("KMSMasterKeyID") for rule in rules if rule.get("BucketKeyEnabled")),
        None,
    )


def still_keys(stacks: Stacks) -> list[str]:
    """Keys that are never renewed; KMS renews none that signs."""
    return [
        name
        for name, one in of_type(stacks, "AWS::KMS::Key")
        if not one.get("EnableKeyRotation") and one.get("KeyUsage") != "GENERATE_VERIFY_MAC"
    ]


def plain_queues(stacks: Stacks) -> list[str]:
    """Queues that nobody encrypts; without a key of our own SQS does."""
    return [
        name
        for name, one in of_type(stacks, QUEUE)
        if not one.get("SqsManagedSseEnabled") and "KmsMasterKeyId" not in one
    ]


def open_buckets(stacks: Stacks) -> list[str]:
    return [
        name
        for name, one in of_type(stacks, "AWS::S3::Bucket")
        if list(one.get("PublicAccessBlockConfiguration", {}).values()) != [True] * 4
    ]


def endless_logs(stacks: Stacks) -> list[str]:
    """Log groups that keep for ever, and functions without a log group of their own."""
    groups = dict(of_type(stacks, "AWS::Logs::LogGroup"))
    named = {group["LogGroupName"] for group in groups.values()}
    endless = [name for name, one in groups.items() if "RetentionInDays" not in one]
    return endless + [
        name for name, one in of_type(stacks, FUNCTION) if f"/aws/lambda/{one['FunctionName']}" not in named
    ]


def untraced(stacks: Stacks) -> list[str]:
    """Functions that do not say how they are traced, and any but those where a chain begins that begin a trace.

    A profile may trace nothing, but not only some of them.
    """
    modes = {name: one.get("TracingConfig", {}).get("Mode") for name, one in of_type(stacks, FUNCTION)}
    unsaid = [name for name, mode in modes.items() if mode not in {"Active", "PassThrough"}]
    active = {name for name, mode in modes.items() if mode == "Active"}
    return unsaid + (sorted(active ^ (CHAIN_BEGINS & modes.keys())) if active else [])


def unpublished_alarms(stacks: Stacks) -> list[str]:
    """Alarms on a figure of the functions that they are not told to make a metric of."""
    told = {
        metric
        for _, one in of_type(stacks, FUNCTION)
        for metric in one["Environment"]["Variables"].get("METRICS", "").split(",")
    }
    return [
        name
        for name, one in of_type(stacks, ALARM)
        if one.get("Namespace") == "Fanfold" and one["MetricName"] not in told
    ]


def unnamed_metrics(stacks: Stacks) -> list[str]:
    """Functions that make metrics of all their figures, as those do that are not told which."""
    return [name for name, one in of_type(stacks, FUNCTION) if "METRICS" not in one["Environment"]["Variables"]]


def costly_keys(stacks: Stacks) -> list[str]:
    """Queues under a key of our own that ask for a data key more than once a day."""
    return [
        name
        for name, one in of_type(stacks, QUEUE)
        if "KmsMasterKeyId" in one and one.get("KmsDataKeyReusePeriodSeconds", 300) < DAY_S
    ]


def other_dead_letters(stacks: Stacks) -> list[str]:
    """What gives up to a queue of another kind than it is: FIFO or not."""
    queues = dict(of_type(stacks, QUEUE))
    wanted = [(name, one, one.get("FifoQueue", False)) for name, one in queues.items()]
    wanted += [
        (name, one, stacks[owner(one["TopicArn"])]["Properties"].get("FifoTopic", False))
        for name, one in of_type(stacks, "AWS::SNS::Subscription")
        if one.get("Protocol", "sqs") == "sqs"
    ]
    return [
        name
        for name, one, ordered in wanted
        if "RedrivePolicy" in one
        and queues[owner(one["RedrivePolicy"]["deadLetterTargetArn"])].get("FifoQueue", False) != ordered
    ]


def short_windows(stacks: Stacks) -> list[str]:
    """Mappings that AWS refuses: over ten messages want a window, which a FIFO queue does not have."""
    wrong = []
    for name, one in of_type(stacks, MAPPING):
        ordered = stacks.get(owner(one["EventSourceArn"]), {}).get("Properties", {}).get("FifoQueue", False)
        window = one.get("MaximumBatchingWindowInSeconds", 0)
        if (ordered and (window or one["BatchSize"] > FIFO_BATCH)) or (one["BatchSize"] > FIFO_BATCH and not window):
            wrong.append(name)
    return wrong


def movable_images(stacks: Stacks) -> list[str]:
    return [name for name, one in of_type(stacks, FUNCTION) if not BY_DIGEST.search(one["Code"].get("ImageUri", ""))]


def secrets_in_settings(stacks: Stacks) -> list[str]:
    """Settings with a name as of a secret, unless they say which secret it is."""
    return [
        f"{name}: {variable}"
        for name, one in of_type(stacks, FUNCTION)
        for variable, value in one.get("Environment", {}).get("Variables", {}).items()
        if SECRET_LIKE.search(variable) and owner(value) not in stacks and not PARAMETER.search(str(value))
    ]


def unrecoverable(stacks: Stacks) -> list[str]:
    """Tables without point-in-time recovery, and stores that do not say what becomes of them."""
    tables = [
        name
        for name, one in of_type(stacks, "AWS::DynamoDB::Table")
        if not one.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled")
    ]
    undecided = [
        name
        for name, _ in of_type(stacks, *KEPT)
        if "DeletionPolicy" not in stacks[name] or stacks[name].get("UpdateReplacePolicy") != "Retain"
    ]
    return tables + undecided


def unlocked_audit(stacks: Stacks) -> list[str]:
    """An audit bucket without versions, lock or a retention that holds of itself."""
    bucket = stacks["platform/AuditBucket"]["Properties"]
    rule = bucket.get("ObjectLockConfiguration", {}).get("Rule", {}).get("DefaultRetention", {})
    versioned = bucket.get("VersioningConfiguration") == {"Status": "Enabled"}
    retained = rule.get("Mode") in {"GOVERNANCE", "COMPLIANCE"} and rule.get("Days", 0) > 0
    return [] if bucket.get("ObjectLockEnabled") and versioned and retained else ["platform/AuditBucket"]


def unlimited_queries(stacks: Stacks) -> list[str]:
    """Workgroups whose queries have no limit, or may choose one of their own."""
    return [
        name
        for name, one in of_type(stacks, "AWS::Athena::WorkGroup")
        if not one["WorkGroupConfiguration"].get("EnforceWorkGroupConfiguration")
        or not one["WorkGroupConfiguration"].get("BytesScannedCutoffPerQuery")
    ]


def unprotected(stacks: Stacks) -> list[str]:
    """Tables that a stage keeps, and that a slip could delete all the same."""
    return [
        name
        for name, one in of_type(stacks, "AWS::DynamoDB::Table")
        if stacks[name].get("DeletionPolicy") != "Delete" and one.get("DeletionProtectionEnabled") is not True
    ]


def unowned_buckets(stacks: Stacks) -> list[str]:
    """Functions that are told a bucket's name, and not whose it is."""
    variables = {name: one["Environment"]["Variables"] for name, one in of_type(stacks, FUNCTION)}
    return [
        name
        for name, told in variables.items()
        if any(one.endswith("_BUCKET") for one in told) and told.get("BUCKET_OWNER") != "${AWS::AccountId}"
    ]
