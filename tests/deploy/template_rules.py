"""Rules for every stage's queues, functions, stores and alarms. A rule returns the violations."""

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
    sources = (source for _, source in of_type(stacks, QUEUE, "AWS::SNS::Subscription"))
    redrives = (source["RedrivePolicy"] for source in sources if "RedrivePolicy" in source)
    return {owner(redrive["deadLetterTargetArn"]) for redrive in redrives}


def unkept_failures(stacks: Stacks) -> list[str]:
    """Queues and subscriptions without a redrive policy, and dead-letter queues that forget too early."""
    dead = _dead_letters(stacks)
    sources = [
        name
        for name, properties in of_type(stacks, QUEUE, "AWS::SNS::Subscription")
        if name not in dead and properties.get("Protocol", "sqs") == "sqs" and "RedrivePolicy" not in properties
    ]
    short = [
        name
        for name, queue in of_type(stacks, QUEUE)
        if name in dead and queue.get("MessageRetentionPeriod", 0) < RETENTION_S
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
    """A finding if no alarm fires when bars stop: over three minutes, with missing data taken for a fault."""
    topic = stacks["platform/BarsTopic"]["Properties"]["TopicName"]
    watching = [
        alarm
        for _, alarm in of_type(stacks, ALARM)
        if alarm.get("MetricName") == "NumberOfMessagesPublished"
        and alarm["Dimensions"] == [{"Name": "TopicName", "Value": topic}]
        and alarm["Period"] * alarm["EvaluationPeriods"] == 180
        and alarm["TreatMissingData"] == "breaching"
    ]
    return [] if watching else ["nothing watches whether bars come"]


def uncounted_errors(stacks: Stacks) -> list[str]:
    """Functions whose failed invocations no alarm of the stage's own adds up; the filter reads Lambda's JSON alone."""
    alarms = (alarm for _, alarm in of_type(stacks, ALARM) if "MetricName" in alarm)
    alarmed = {(alarm["Namespace"], alarm["MetricName"]) for alarm in alarms}
    counted = {
        owner(metric_filter["LogGroupName"])
        for _, metric_filter in of_type(stacks, "AWS::Logs::MetricFilter")
        for made in metric_filter["MetricTransformations"]
        if (made["MetricNamespace"], made["MetricName"]) in alarmed
    }
    groups = {group["LogGroupName"]: name for name, group in of_type(stacks, "AWS::Logs::LogGroup")}
    return [
        name
        for name, function in of_type(stacks, FUNCTION)
        if groups.get(f"/aws/lambda/{function['FunctionName']}") not in counted
        or function.get("LoggingConfig", {}).get("LogFormat") != "JSON"
    ]


def shared_queues(stacks: Stacks) -> list[str]:
    """Queues that are not read by one mapping alone."""
    readers = Counter(owner(mapping["EventSourceArn"]) for _, mapping in of_type(stacks, MAPPING))
    sources = {name for name, _ in of_type(stacks, QUEUE)} - _dead_letters(stacks)
    return sorted(name for name in sources | readers.keys() if readers[name] != 1)


def whole_batches(stacks: Stacks) -> list[str]:
    return [
        name
        for name, mapping in of_type(stacks, MAPPING)
        if mapping.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]
    ]


def unlimited_execution(stacks: Stacks) -> list[str]:
    return [
        name
        for name, mapping in of_type(stacks, MAPPING)
        if name.startswith("execution/") and mapping.get("ScalingConfig", {}).get("MaximumConcurrency") != 2
    ]


def crowded_chains(stacks: Stacks) -> list[str]:
    """Mappings that let more than two batches write to the chains at once, where they only conflict."""
    return [
        name
        for name, mapping in of_type(stacks, MAPPING)
        if name.startswith("audit/") and mapping.get("ScalingConfig", {}).get("MaximumConcurrency") != 2
    ]


def short_visibility(stacks: Stacks) -> list[str]:
    """Queues whose messages come back while a function may still work on them."""
    wrong = []
    for name, mapping in of_type(stacks, MAPPING):
        function = _function(stacks, owner(mapping["FunctionName"]))
        queue = stacks.get(owner(mapping["EventSourceArn"]), {}).get("Properties", {})
        # A message is hidden while its window lasts, too.
        window = mapping.get("MaximumBatchingWindowInSeconds", 0)
        if queue.get("VisibilityTimeout", 30) < VISIBILITY_FACTOR * function["Timeout"] + window:
            wrong.append(name)
    return wrong


def _function(stacks: Stacks, name: str) -> dict[str, Any]:
    """A function, also by its alias."""
    properties = stacks[name]["Properties"]
    return properties if "Timeout" in properties else _function(stacks, owner(properties["FunctionName"]))


def blind_canaries(stacks: Stacks) -> list[str]:
    """Canaries that an alarm of theirs alone does not hold: one that a fault of the version before could ring as well,
    or that does not hear of messages which are answered for and tried again."""
    wrong = []
    for name, group in of_type(stacks, "AWS::CodeDeploy::DeploymentGroup"):
        base = name.removesuffix("Canary")
        version = next(stack for stack in stacks if stack.startswith(f"{base}Version"))
        watched = [alarm["Name"] for alarm in group["AlarmConfiguration"]["Alarms"]]
        alarm = stacks.get(f"{base}CanaryAlarm", {}).get("Properties", {})
        heard = [metric["MetricStat"]["Metric"] for metric in alarm.get("Metrics", []) if "MetricStat" in metric]
        of_version = [
            metric for metric in heard if f"{version}.Version" in {pair["Value"] for pair in metric["Dimensions"]}
        ]
        counted = {
            made["MetricName"]
            for _, metric_filter in of_type(stacks, "AWS::Logs::MetricFilter")
            if owner(metric_filter["LogGroupName"]) == f"{base}LogGroup"
            for made in metric_filter["MetricTransformations"]
        }
        filtered = {metric["MetricName"] for metric in heard if metric["Namespace"] != "AWS/Lambda"}
        after = stacks[f"{base}Alias"].get("DependsOn", [])
        if (watched != [f"{base}CanaryAlarm"] or of_version != heard or len(heard) != 2 or not filtered <= counted
                or f"{base.partition('/')[2]}CanaryAlarm" not in after):  # fmt: skip
            wrong.append(name)
    return wrong


def past_the_canary(stacks: Stacks) -> list[str]:
    """Callers that reach a function past its alias: there the canary would not hold back a bad deploy."""
    guarded = {owner(alias["FunctionName"]) for _, alias in of_type(stacks, "AWS::Lambda::Alias")}
    called = {
        MAPPING: lambda mapping: [mapping["FunctionName"]],
        "AWS::Lambda::Permission": lambda permission: [permission["FunctionName"]],
        "AWS::ApiGatewayV2::Integration": lambda integration: [integration["IntegrationUri"]],
        "AWS::Scheduler::Schedule": lambda schedule: [schedule["Target"]["Arn"]],
        "AWS::StepFunctions::StateMachine": lambda machine: list(machine["DefinitionSubstitutions"].values()),
    }
    return [
        name
        for kind, targets in called.items()
        for name, properties in of_type(stacks, kind)
        if {owner(target) for target in targets(properties)} & guarded
    ]


def unencrypted(stacks: Stacks) -> list[str]:
    """Resources that the customer's key does not encrypt, and buckets that would ask for the key at every object."""
    wanted = {
        "AWS::SQS::Queue": lambda queue: queue.get("KmsMasterKeyId"),
        "AWS::SNS::Topic": lambda topic: topic.get("KmsMasterKeyId"),
        "AWS::DynamoDB::Table": lambda table: table.get("SSESpecification", {}).get("KMSMasterKeyId"),
        "AWS::Logs::LogGroup": lambda group: group.get("KmsKeyId"),
        "AWS::SecretsManager::Secret": lambda secret: secret.get("KmsKeyId"),
        "AWS::S3::Bucket": _bucket_key,
    }
    return [
        name
        for kind, key in wanted.items()
        for name, properties in of_type(stacks, kind)
        if owner(key(properties)) != "platform/Key"
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
        for name, key in of_type(stacks, "AWS::KMS::Key")
        if not key.get("EnableKeyRotation") and key.get("KeyUsage") != "GENERATE_VERIFY_MAC"
    ]


def plain_queues(stacks: Stacks) -> list[str]:
    """Queues that nobody encrypts; without a key of our own SQS does."""
    return [
        name
        for name, queue in of_type(stacks, QUEUE)
        if not queue.get("SqsManagedSseEnabled") and "KmsMasterKeyId" not in queue
    ]


def open_buckets(stacks: Stacks) -> list[str]:
    return [
        name
        for name, bucket in of_type(stacks, "AWS::S3::Bucket")
        if list(bucket.get("PublicAccessBlockConfiguration", {}).values()) != [True] * 4
    ]


def endless_logs(stacks: Stacks) -> list[str]:
    """Log groups that keep for ever, and functions without a log group of their own."""
    groups = dict(of_type(stacks, "AWS::Logs::LogGroup"))
    named = {group["LogGroupName"] for group in groups.values()}
    endless = [name for name, group in groups.items() if "RetentionInDays" not in group]
    return endless + [
        name for name, function in of_type(stacks, FUNCTION) if f"/aws/lambda/{function['FunctionName']}" not in named
    ]


def untraced(stacks: Stacks) -> list[str]:
    """Functions that do not say how they are traced, and any but those where a chain begins that begin a trace.

    A profile may trace nothing, but not only some of them.
    """
    modes = {name: function.get("TracingConfig", {}).get("Mode") for name, function in of_type(stacks, FUNCTION)}
    unsaid = [name for name, mode in modes.items() if mode not in {"Active", "PassThrough"}]
    active = {name for name, mode in modes.items() if mode == "Active"}
    return unsaid + (sorted(active ^ (CHAIN_BEGINS & modes.keys())) if active else [])


def unpublished_alarms(stacks: Stacks) -> list[str]:
    """Alarms on a figure of the functions that they are not told to make a metric of."""
    published = {
        metric
        for _, function in of_type(stacks, FUNCTION)
        for metric in function["Environment"]["Variables"].get("METRICS", "").split(",")
    }
    return [
        name
        for name, alarm in of_type(stacks, ALARM)
        if alarm.get("Namespace") == "Fanfold" and alarm["MetricName"] not in published
    ]


def unnamed_metrics(stacks: Stacks) -> list[str]:
    """Functions that make metrics of all their figures, as those do that are not told which."""
    return [
        name for name, function in of_type(stacks, FUNCTION) if "METRICS" not in function["Environment"]["Variables"]
    ]


def costly_keys(stacks: Stacks) -> list[str]:
    """Queues under a key of our own that ask for a data key more than once a day."""
    return [
        name
        for name, queue in of_type(stacks, QUEUE)
        if "KmsMasterKeyId" in queue and queue.get("KmsDataKeyReusePeriodSeconds", 300) < DAY_S
    ]


def other_dead_letters(stacks: Stacks) -> list[str]:
    """Sources whose dead-letter queue is of the other kind: FIFO or not."""
    queues = dict(of_type(stacks, QUEUE))
    wanted = [(name, queue, queue.get("FifoQueue", False)) for name, queue in queues.items()]
    wanted += [
        (name, subscription, stacks[owner(subscription["TopicArn"])]["Properties"].get("FifoTopic", False))
        for name, subscription in of_type(stacks, "AWS::SNS::Subscription")
        if subscription.get("Protocol", "sqs") == "sqs"
    ]
    return [
        name
        for name, properties, ordered in wanted
        if "RedrivePolicy" in properties
        and queues[owner(properties["RedrivePolicy"]["deadLetterTargetArn"])].get("FifoQueue", False) != ordered
    ]


def short_windows(stacks: Stacks) -> list[str]:
    """Mappings that AWS refuses: over ten messages want a window, which a FIFO queue does not have."""
    wrong = []
    for name, mapping in of_type(stacks, MAPPING):
        ordered = stacks.get(owner(mapping["EventSourceArn"]), {}).get("Properties", {}).get("FifoQueue", False)
        window = mapping.get("MaximumBatchingWindowInSeconds", 0)
        if (ordered and (window or mapping["BatchSize"] > FIFO_BATCH)) or (
            mapping["BatchSize"] > FIFO_BATCH and not window
        ):
            wrong.append(name)
    return wrong


def movable_images(stacks: Stacks) -> list[str]:
    images = {name: function["Code"].get("ImageUri", "") for name, function in of_type(stacks, FUNCTION)}
    return [name for name, image in images.items() if not BY_DIGEST.search(image)]


def secrets_in_settings(stacks: Stacks) -> list[str]:
    """Settings with a name as of a secret, unless they say which secret it is."""
    return [
        f"{name}: {variable}"
        for name, function in of_type(stacks, FUNCTION)
        for variable, value in function.get("Environment", {}).get("Variables", {}).items()
        if SECRET_LIKE.search(variable) and owner(value) not in stacks and not PARAMETER.search(str(value))
    ]


def unrecoverable(stacks: Stacks) -> list[str]:
    """Tables without point-in-time recovery, and stores that do not say what becomes of them."""
    tables = [
        name
        for name, table in of_type(stacks, "AWS::DynamoDB::Table")
        if not table.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled")
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
        for name, workgroup in of_type(stacks, "AWS::Athena::WorkGroup")
        if not workgroup["WorkGroupConfiguration"].get("EnforceWorkGroupConfiguration")
        or not workgroup["WorkGroupConfiguration"].get("BytesScannedCutoffPerQuery")
    ]


def unprotected(stacks: Stacks) -> list[str]:
    """Tables that a stage keeps, and that a slip could delete all the same."""
    return [
        name
        for name, table in of_type(stacks, "AWS::DynamoDB::Table")
        if stacks[name].get("DeletionPolicy") != "Delete" and table.get("DeletionProtectionEnabled") is not True
    ]


def unowned_buckets(stacks: Stacks) -> list[str]:
    """Functions that are told a bucket's name, and not whose it is."""
    variables = {name: function["Environment"]["Variables"] for name, function in of_type(stacks, FUNCTION)}
    return [
        name
        for name, settings in variables.items()
        if any(variable.endswith("_BUCKET") for variable in settings)
        and settings.get("BUCKET_OWNER") != "${AWS::AccountId}"
    ]
