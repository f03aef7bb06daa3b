"""The packaged templates follow the rules, and each rule reports a template that breaks it."""

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

import access_rules as access
import pytest
import template_rules as rules
from alarm_rules import impossible_alarms, untold_endings
from merged import Stacks, merged

from support import packaged_stages as packaging
from support.packaged_stages import NotPackaged, templates

OF_EVERY_STAGE = (
    impossible_alarms, rules.unkept_failures, rules.unwatched_dead_letters, rules.unwatched_silence,
    untold_endings, rules.uncounted_errors, rules.shared_queues, rules.whole_batches, rules.unlimited_execution,
    rules.short_visibility, rules.plain_queues, rules.still_keys, rules.open_buckets,
    rules.past_the_canary, rules.blind_canaries,
    rules.endless_logs, rules.unpublished_alarms, rules.unnamed_metrics, rules.costly_keys, rules.other_dead_letters,
    rules.short_windows, rules.untraced, rules.movable_images, rules.secrets_in_settings, rules.unrecoverable,
    rules.unlocked_audit, rules.unlimited_queries, rules.unprotected, rules.unowned_buckets, access.plain_text,
    access.public, access.unsourced, access.broad_grants,
    access.broad_policies, access.shared_roles, access.unlocked_deletion, access.shadowing,
    access.strange_audit_writers, access.strange_secret_readers, access.unbounded_roles,
)  # fmt: skip
# What the profile lean goes without: it costs.
OF_THE_PROFILE_FULL = (rules.unencrypted, rules.crowded_chains)
# What the embedded AWS, on loopback and for an hour, does without.
ON_LOOPBACK = {
    rules.unwatched_dead_letters: "the run's summary tells of dead letters",
    rules.uncounted_errors: "the run's log and its dead letters tell",
    untold_endings: "nobody reads its alarm topic",
    rules.unwatched_silence: "the local runner polls, and sees what comes of it",
    rules.short_visibility: "a killed function's messages are to come back at once",
    access.plain_text: "the emulator speaks HTTP",
    access.unbounded_roles: "there is nothing to bootstrap",
    access.unlocked_deletion: "tests rewrite segments, to see that it is found out",
    access.shadowing: "tests write over segments, to see that it is found out",
}
ROLE = ("signal/FoldRole", "Properties", "Policies", 0, "PolicyDocument", "Statement")
FUNCTION = ("signal/FoldLambdaFunction", "Properties")
MAPPING = "EventSourceMappingSQSQueue"
SHADOWING = ("platform/AuditBucketPolicy", "Properties", "PolicyDocument", "Statement")
GRANT = {"Effect": "Allow", "Action": ["s3:PutObject"], "Resource": ["platform/AuditBucket.Arn"]}
TLS = ("PolicyDocument", "Statement", 0)
TRUST = ("Properties", "AssumeRolePolicyDocument", "Statement", 0)
GONE = object()


@cache
def stacks(named: str) -> Stacks:
    return merged(templates(named))


@pytest.mark.parametrize("rule", OF_EVERY_STAGE, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("named", packaging.STAGES)
def test_a_stage_keeps_every_rule(named, rule) -> None:
    # A rule that loopback does without must be one that it breaks, or the exception is not needed.
    assert bool(rule(stacks(named))) is (named == "local" and rule in ON_LOOPBACK)


@pytest.mark.parametrize("rule", OF_THE_PROFILE_FULL, ids=lambda rule: rule.__name__)
def test_the_full_profile_keeps_its_own_rules_and_lean_goes_without(rule) -> None:
    assert [rule(stacks(named)) for named in ("dev", "paper", "live")] == [[]] * 3
    assert rule(stacks("lean")) != []


def test_every_import_of_a_stack_is_exported_by_another() -> None:
    for named in packaging.STAGES:
        assert "import of " not in json.dumps(stacks(named))


BROKEN: list[tuple[Any, tuple[Any, ...], Any]] = [
    (impossible_alarms, ("market-data/BarsMissingAlarm", "Properties", "Period"), 259_200),
    (impossible_alarms, ("market-data/BarsMissingAlarm", "Properties", "Period"), 90),
    (rules.unkept_failures, ("risk/Queue", "Properties", "RedrivePolicy"), GONE),
    (rules.unkept_failures, ("risk/BarsSubscription", "Properties", "RedrivePolicy"), GONE),
    (rules.unkept_failures, ("risk/DeadLetters", "Properties", "MessageRetentionPeriod"), 345600),
    (rules.unwatched_dead_letters, ("risk/DeadLettersAlarm",), GONE),
    (rules.unwatched_dead_letters, ("risk/DeadLettersAlarm", "Properties", "Threshold"), 5),
    (rules.unwatched_dead_letters, ("risk/QueueAgeAlarm", "Properties", "AlarmActions"), []),
    (untold_endings, ("execution/Ended",), GONE),
    (untold_endings, ("audit/Ended", "Properties", "EventPattern", "detail", "stateMachineArn"), ["x:close"]),
    (rules.unwatched_silence, ("market-data/BarsMissingAlarm",), GONE),
    (rules.unwatched_silence, ("market-data/BarsMissingAlarm", "Properties", "TreatMissingData"), "notBreaching"),
    (rules.uncounted_errors, ("platform/FunctionErrorsAlarm", "Properties", "Namespace"), "AWS/Lambda"),
    (rules.uncounted_errors, ("risk/SweepErrors",), GONE),
    (rules.uncounted_errors, ("risk/SweepLambdaFunction", "Properties", "LoggingConfig", "LogFormat"), "Text"),
    (rules.shared_queues, (f"risk/Assess{MAPPING}",), GONE),
    (rules.shared_queues, (f"risk/Assess{MAPPING}", "Properties", "EventSourceArn"), "signal/Queue.Arn"),
    (rules.whole_batches, (f"risk/Assess{MAPPING}", "Properties", "FunctionResponseTypes"), GONE),
    (rules.unlimited_execution, (f"execution/Execute{MAPPING}", "Properties", "ScalingConfig"), GONE),
    (rules.short_visibility, ("risk/Queue", "Properties", "VisibilityTimeout"), 59),
    (rules.short_visibility, ("risk/AssessLambdaFunction", "Properties", "Timeout"), 11),
    (rules.short_visibility, (f"audit/Record{MAPPING}", "Properties", "MaximumBatchingWindowInSeconds"), 301),
    (rules.past_the_canary, (f"risk/Assess{MAPPING}", "Properties", "FunctionName"), "risk/AssessLambdaFunction.Arn"),
    (rules.blind_canaries, ("risk/AssessCanary", "Properties", "AlarmConfiguration", "Alarms"),
     [{"Name": "risk/AssessCanaryAlarm"}, {"Name": "risk/DeadLettersAlarm"}]),
    (rules.blind_canaries, ("risk/AssessCanaryAlarm", "Properties", "Metrics", 0, "MetricStat", "Metric", "Dimensions"),
     [{"Name": "FunctionName", "Value": "risk/AssessLambdaFunction"}]),
    (rules.blind_canaries, ("risk/AssessFaults",), GONE),
    (rules.blind_canaries, ("risk/AssessAlias", "DependsOn"), GONE),
    (rules.unencrypted, ("risk/Queue", "Properties", "KmsMasterKeyId"), GONE),
    (rules.unencrypted, ("risk/DeadLetters", "Properties", "KmsMasterKeyId"), "alias/aws/sqs"),
    (rules.unencrypted, ("platform/BarsTopic", "Properties", "KmsMasterKeyId"), "alias/aws/sns"),
    (rules.unencrypted, ("platform/LedgerTable", "Properties", "SSESpecification"), GONE),
    (rules.unencrypted, ("platform/LakeBucket", "Properties", "BucketEncryption"), GONE),
    (rules.unencrypted, ("signal/FoldLogGroup", "Properties", "KmsKeyId"), GONE),
    (rules.plain_queues, ("risk/Queue", "Properties", "KmsMasterKeyId"), GONE),
    (rules.still_keys, ("platform/Key", "Properties", "EnableKeyRotation"), False),
    (rules.open_buckets, ("platform/LakeBucket", "Properties", "PublicAccessBlockConfiguration"), GONE),
    (rules.endless_logs, ("signal/FoldLogGroup", "Properties", "RetentionInDays"), GONE),
    (rules.endless_logs, ("signal/FoldLogGroup",), GONE),
    (rules.untraced, (*FUNCTION, "TracingConfig"), GONE),
    (rules.untraced, (*FUNCTION, "TracingConfig"), {"Mode": "Active"}),
    (rules.untraced, ("market-data/PollLambdaFunction", "Properties", "TracingConfig"), {"Mode": "PassThrough"}),
    (rules.unpublished_alarms, ("execution/TickToOrderAlarm", "Properties", "MetricName"), "Fills"),
    (rules.unnamed_metrics, (*FUNCTION, "Environment", "Variables", "METRICS"), GONE),
    (rules.costly_keys, ("risk/Queue", "Properties", "KmsDataKeyReusePeriodSeconds"), GONE),
    (rules.other_dead_letters, ("audit/Queue", "Properties", "RedrivePolicy", "deadLetterTargetArn"),
     "audit/Undelivered.Arn"),
    (rules.other_dead_letters, ("audit/BarsSubscription", "Properties", "RedrivePolicy", "deadLetterTargetArn"),
     "audit/DeadLetters.Arn"),
    (rules.short_windows, (f"audit/Record{MAPPING}", "Properties", "MaximumBatchingWindowInSeconds"), 0),
    (rules.short_windows, (f"risk/Assess{MAPPING}", "Properties", "MaximumBatchingWindowInSeconds"), 1),
    (rules.movable_images, (*FUNCTION, "Code", "ImageUri"), "registry/fanfold-signal:latest"),
    (rules.secrets_in_settings, (*FUNCTION, "Environment", "Variables", "API_SECRET"), "hunter2"),
    (rules.unrecoverable, ("platform/LedgerTable", "Properties", "PointInTimeRecoverySpecification"), GONE),
    (rules.unrecoverable, ("platform/LedgerTable", "DeletionPolicy"), GONE),
    (rules.unrecoverable, ("platform/AuditBucket", "UpdateReplacePolicy"), "Delete"),
    (rules.unlocked_audit, ("platform/AuditBucket", "Properties", "ObjectLockConfiguration"), GONE),
    (rules.unlocked_audit, ("platform/AuditBucket", "Properties", "VersioningConfiguration"), GONE),
    (rules.unlimited_queries,
     ("platform/Workgroup", "Properties", "WorkGroupConfiguration", "BytesScannedCutoffPerQuery"), GONE),
    (rules.unprotected, ("platform/LedgerTable", "Properties", "DeletionProtectionEnabled"), False),
    (rules.unowned_buckets, ("audit/RecordLambdaFunction", "Properties", "Environment", "Variables", "BUCKET_OWNER"),
     GONE),
    (rules.crowded_chains, (f"audit/Record{MAPPING}", "Properties", "ScalingConfig"), GONE),
    (access.unsourced, ("risk/ScheduleRole", *TRUST, "Condition"), GONE),
    (access.unsourced, ("risk/ScheduleRole", *TRUST, "Condition", "ArnEquals", "aws:SourceArn"),
     "arn:aws:scheduler:eu-west-1:${AWS::AccountId}:schedule/default/fanfold-live-sweep"),
    (access.unsourced, ("audit/DailyCloseRole", *TRUST, "Condition", "StringEquals"), {"aws:SourceAccount": "*"}),
    (access.unsourced, ("risk/CanaryRole", *TRUST, "Condition", "ArnLike"), GONE),
    (access.unsourced, ("audit/ApiLambdaPermissionHttpApi", "Properties", "SourceArn"), GONE),
    (access.plain_text, ("risk/QueuePolicy", "Properties", *TLS), GONE),
    (access.plain_text, ("platform/BarsTopicPolicy", "Properties", *TLS, "Effect"), "Allow"),
    (access.plain_text, ("platform/LakeBucketPolicy",), GONE),
    (access.public, ("risk/QueuePolicy", "Properties", "PolicyDocument", "Statement", 1, "Principal"), "*"),
    (access.public, ("risk/QueuePolicy", "Properties", "PolicyDocument", "Statement", 1, "Condition"), GONE),
    (access.public, ("platform/Key", "Properties", "KeyPolicy", "Statement", 0, "Principal"), {"AWS": "*"}),
    (access.public,
     ("risk/AssessRole", "Properties", "AssumeRolePolicyDocument", "Statement", 0, "Principal"), {"AWS": "1234"}),
    (access.broad_grants, (*ROLE, 0, "Action"), ["logs:*"]),
    (access.broad_grants, (*ROLE, 0, "Resource"), "*"),
    (access.broad_grants, (*ROLE[:2], "ManagedPolicyArns"), ["arn:aws:iam::aws:policy/ReadOnly"]),
    (access.broad_policies, ("platform/Key", "Properties", "KeyPolicy", "Statement", 0, "Action"), "kms:*"),
    (access.shared_roles, ("risk/SweepLambdaFunction", "Properties", "Role"), "risk/AssessRole.Arn"),
    (access.unbounded_roles, (*ROLE[:2], "PermissionsBoundary"), GONE),
    (access.unlocked_deletion, ("platform/AuditBucketPolicy",), GONE),
    (access.shadowing, ("platform/AuditBucketPolicy",), GONE),
    (access.shadowing, (*SHADOWING, 2, "Condition"), {"StringEquals": {"s3:if-none-match": "*"}}),
    (access.shadowing, (*SHADOWING, 3, "Action"), "s3:DeleteObjectTagging"),
    (access.unlocked_deletion,
     ("platform/AuditBucketPolicy", "Properties", "PolicyDocument", "Statement", 1, "Action"), ["s3:PutObjectAcl"]),
    (access.strange_audit_writers, (*ROLE, 0), GRANT),
    (access.strange_secret_readers, (*ROLE, 0),
     {"Effect": "Allow", "Action": ["secretsmanager:GetSecretValue"], "Resource": "risk/WebhookSecret"}),
    (access.strange_secret_readers, (*ROLE, 0),
     {"Effect": "Allow", "Action": ["ssm:GetParameter"], "Resource": "arn:x:ssm:y:z:parameter/fanfold/live/venue"}),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "path", "value"), BROKEN, ids=lambda argument: getattr(argument, "__name__", ""))
def test_a_template_that_breaks_a_rule_fails_it(rule, path, value) -> None:
    assert rule(_changed(stacks("live"), path, value)) != []


def test_every_rule_has_a_template_that_breaks_it() -> None:
    assert {*OF_THE_PROFILE_FULL, *OF_EVERY_STAGE} == {rule for rule, _, _ in BROKEN}


def _changed(template: Stacks, path: tuple[Any, ...], value: Any) -> Stacks:
    changed: Any = copy.deepcopy(template)
    node = changed
    for key in path[:-1]:
        node = node[key]
    if value is GONE:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return changed


def test_live_locks_its_records_and_shifts_traffic_by_ten_percent() -> None:
    live = stacks("live")
    lock = live["platform/AuditBucket"]["Properties"]["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
    assert lock["Mode"] == "COMPLIANCE"
    for service, function in (("signal", "Fold"), ("risk", "Assess"), ("execution", "Execute")):
        assert live[f"{service}/{function}{MAPPING}"]["Properties"]["FunctionName"] == f"{service}/{function}Alias"
        canary = live[f"{service}/{function}Canary"]["Properties"]
        assert "Canary10Percent" in canary["DeploymentConfigName"]
        assert "DEPLOYMENT_STOP_ON_ALARM" in canary["AutoRollbackConfiguration"]["Events"]
        assert [alarm["Name"] for alarm in canary["AlarmConfiguration"]["Alarms"]] == [
            f"{service}/{function}CanaryAlarm"
        ]
        update = live[f"{service}/{function}Alias"]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
        assert update["DeploymentGroupName"] == f"{service}/{function}Canary"


NAMES = ("Execute", "Sweep", "Fills")


def test_only_functions_that_place_or_book_orders_read_the_secrets_of_a_real_venue() -> None:
    for named in packaging.STAGES:
        readers = {
            name
            for name, statement in access.grants(stacks(named))
            if access.VENUE_KEYS.search(str(statement["Resource"]))
        }
        keyed = {name for name, resource in stacks(named).items() if "VENUE_SECRET" in str(resource)}
        real = named == "live"
        assert readers == ({f"execution/{name}Role" for name in NAMES} if real else set())
        assert keyed == ({f"execution/{name}LambdaFunction" for name in NAMES} if real else set())


def test_all_functions_of_a_stage_know_the_same_venue_of_real_orders() -> None:
    for named in packaging.STAGES:
        functions = [stack for name, stack in stacks(named).items() if name.endswith("LambdaFunction")]
        venues = {each["Properties"]["Environment"]["Variables"].get("LIVE_VENUE") for each in functions}
        assert venues == {packaging.LIVE["FANFOLD_LIVE_VENUE"] if named == "live" else None}


SAME = [{}, {"FANFOLD_BUCKET_PREFIX": "other"}, {"FANFOLD_WEBHOOK": "false"},
        {"FANFOLD_JWT_AUDIENCE": "others"}, {"FANFOLD_LAKE_SINCE": "2026-05-01"}]  # fmt: skip
OTHER = [
    {"FANFOLD_LIVE_VENUE": "binance"},
    {"FANFOLD_DIGEST_SIGNAL": "sha256:" + "6" * 64},
    {"FANFOLD_IMAGES": "1.dkr.ecr.eu-west-1.amazonaws.com/x"},
]


@pytest.mark.parametrize("changed", [*SAME, *OTHER], ids=lambda settings: next(iter(settings), "nothing"))
def test_a_version_s_logical_id_changes_exactly_when_lambda_would_publish_one(changed: dict[str, str]) -> None:
    before, after = (
        packaging.template("signal", "live", packaging.LIVE | settings)["Resources"] for settings in ({}, changed)
    )
    same = before["FoldLambdaFunction"]["Properties"] == after["FoldLambdaFunction"]["Properties"]
    assert (_versions(before) == _versions(after)) is same
    assert same is (changed in SAME)


@pytest.mark.parametrize(("file", "old", "new", "same"), [
    ("services/signal/serverless.yml", "batchSize: 10", "batchSize: 5", True),
    ("shared/stacks/params.yml", "logRetentionDays: 365", "logRetentionDays: 400", True),
    ("shared/stacks/params.yml", "maxReceiveCount: 5", "maxReceiveCount: 6", True),
    ("shared/stacks/params.yml", "memory: 512", "memory: 640", False),
    ("shared/stacks/params.yml", "functionTimeout: 10", "functionTimeout: 9", False),
    ("shared/stacks/environment.yml", "METRICS: ${", "METRICS: x${", False),
    ("shared/stacks/provider.yml", "systemLogLevel: WARN", "systemLogLevel: INFO", False),
    ("services/signal/serverless.yml", "handler.fold", "handler.webhook", False),
])  # fmt: skip
def test_a_version_depends_on_the_function_and_not_on_its_surroundings(
    tmp_path: Path, file: str, old: str, new: str, same: bool
) -> None:
    before = packaging.template("signal", "live", packaging.LIVE)["Resources"]
    changed = packaging.changed_copy(tmp_path, file, old, new)
    after = packaging.packaged_in(changed / "services" / "signal", "live", packaging.LIVE)["Resources"]
    assert (before["FoldLambdaFunction"]["Properties"] == after["FoldLambdaFunction"]["Properties"]) is same
    assert (_versions(before) == _versions(after)) is same


def _versions(resources: dict[str, Any]) -> set[str]:
    return {name for name, resource in resources.items() if resource["Type"] == "AWS::Lambda::Version"}


def test_a_failed_first_deploy_leaves_nothing_that_blocks_the_next() -> None:
    for named in packaging.STAGES:
        policies = {stack["DeletionPolicy"] for stack in stacks(named).values()
                    if "DeletionPolicy" in stack and stack["Type"] != "AWS::Lambda::Version"}  # fmt: skip
        assert policies == {"RetainExceptOnCreate" if named in {"paper", "live"} else "Delete"}


@pytest.mark.parametrize("nothing", ["", "sha256:" + "0" * 64], ids=["missing", "a digest of zeros"])
@pytest.mark.parametrize("missing", ["FANFOLD_LIVE_VENUE", "FANFOLD_DIGEST_RISK", "FANFOLD_JWT_ISSUER"])
def test_live_without_a_required_setting_is_refused_by_its_name(missing: str, nothing: str) -> None:
    settings = {name: value for name, value in packaging.LIVE.items() if name != missing} | {missing: nothing}
    with pytest.raises(NotPackaged, match=missing) as refused:
        packaging.template("signal", "live", settings)
    assert not [name for name in settings if name in str(refused.value) and name != missing]


def test_the_tokens_of_live_are_those_that_it_names() -> None:
    readers = stacks("live")["platform/HttpApiReaders"]["Properties"]
    assert readers["JwtConfiguration"] == {"Issuer": "https://login.example.com", "Audience": ["desk"]}


@pytest.mark.parametrize(("named", "wrong"), [("nope", "no stage nope"), ("try-UP", "no stage try-UP"),
                                               ("pr-12", "FANFOLD_REMOVE_AFTER")])  # fmt: skip
def test_an_unknown_stage_and_an_ephemeral_one_without_last_day_are_refused(named: str, wrong: str) -> None:
    with pytest.raises(NotPackaged, match=wrong):
        packaging.template("signal", named, {})


def test_the_lean_profile_pays_for_no_key_and_no_dashboard() -> None:
    kinds = {stack["Type"] for stack in stacks("lean").values()}
    assert not kinds & {"AWS::KMS::Key", "AWS::CloudWatch::Dashboard"}
    alarms = [resource for resource in stacks("lean").values() if resource["Type"] == "AWS::CloudWatch::Alarm"]
    assert len(alarms) == 9


def test_a_dashboard_exists_only_if_configured_and_shows_existing_metrics() -> None:
    assert "platform/Dashboard" not in stacks("dev")
    merged_stack = merged({"platform": packaging.template("platform", "dev", {"FANFOLD_DASHBOARD": "true"})})
    body = json.loads(merged_stack["platform/Dashboard"]["Properties"]["DashboardBody"])
    assert len(body["widgets"]) == 6
    named = {text for widget in body["widgets"] for metric in widget["properties"]["metrics"] for text in metric
             if str(text).startswith("fanfold-")}  # fmt: skip
    resources = [stack["Properties"] for stack in stacks("dev").values()]
    assert named <= {resource.get("QueueName") or resource.get("TopicName") for resource in resources}


def test_each_check_that_the_scan_leaves_out_has_its_reason() -> None:
    text = (packaging.ROOT / ".checkov.yml").read_text()
    left_out = [line for line in text.splitlines() if "CKV" in line]
    assert left_out
    assert not [line for line in left_out if len(line.partition("#")[2]) < 40]


def test_a_profile_that_is_not_there_is_refused_by_its_name() -> None:
    with pytest.raises(packaging.NotPackaged, match="there is no profile fat"):
        packaging.template("signal", "dev", {"FANFOLD_PROFILE": "fat"})
