"""The parts of a bill that are read from templates, by the resources' types."""

import pytest

from fanfold.cost import templates


def function(**more):
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {"FunctionName": "fanfold-market-data-dev-poll", "MemorySize": 256, **more},
    }


def of(kind, **properties):
    return {"Type": kind, "Properties": properties}


def read(**resources):
    return templates.read([{"Resources": resources}])


def mapping(**more):
    return of("AWS::Lambda::EventSourceMapping", FunctionName={"Fn::GetAtt": ["Poll", "Arn"]}, **more)


def test_a_function_is_known_by_service_and_name():
    (name,) = read(Poll=function()).functions
    assert name == "market-data/poll"


def test_an_idle_queue_has_two_pollers_and_five_if_it_is_fifo_or_under_a_maximum_concurrency():
    assert read(Poll=function(), M=mapping()).functions["market-data/poll"].pollers == 2
    ordered = mapping(EventSourceArn={"Fn::GetAtt": ["Q", "Arn"]})
    fifo = read(Poll=function(), M=ordered, Q=of("AWS::SQS::Queue", FifoQueue=True))
    assert fifo.functions["market-data/poll"].pollers == 5
    limited = mapping(ScalingConfig={"MaximumConcurrency": 2})
    assert read(Poll=function(), M=limited).functions["market-data/poll"].pollers == 5
    assert read(Poll=function()).functions["market-data/poll"].pollers == 0


def test_a_canary_s_mapping_polls_for_its_function():
    aliased = of("AWS::Lambda::EventSourceMapping", FunctionName={"Ref": "PollAlias"})
    assert read(PollLambdaFunction=function(), M=aliased).functions["market-data/poll"].pollers == 2


def test_a_queue_s_type_and_batching_window_come_from_the_template():
    window = mapping(EventSourceArn={"Fn::GetAtt": ["Q", "Arn"]}, MaximumBatchingWindowInSeconds=60)
    ordered = read(Poll=function(), M=window, Q=of("AWS::SQS::Queue", FifoQueue=True)).functions["market-data/poll"]
    assert (ordered.ordered, ordered.window_s) == (True, 60)
    left_out = of("AWS::SQS::Queue", FifoQueue={"Ref": "AWS::NoValue"})
    assert not read(Poll=function(), M=window, Q=left_out).functions["market-data/poll"].ordered


def test_tracing_and_lambda_s_log_level_come_from_the_template():
    quiet = {"LogFormat": "JSON", "SystemLogLevel": "WARN"}
    silent = function(TracingConfig={"Mode": "PassThrough"}, LoggingConfig=quiet)
    polling = read(Poll=silent).functions["market-data/poll"]
    assert (polling.traced, polling.platform_lines) == (False, False)
    polling = read(Poll=function(TracingConfig={"Mode": "Active"})).functions["market-data/poll"]
    assert (polling.traced, polling.platform_lines) == (True, True)


def test_a_schedule_counts_for_its_function_unless_it_is_disabled():
    schedule = {"ScheduleExpression": "rate(1 minute)", "Target": {"Arn": {"Fn::GetAtt": ["Poll", "Arn"]}}}
    stacks = read(Poll=function(), S=of("AWS::Scheduler::Schedule", **schedule))
    assert (stacks.functions["market-data/poll"].runs_a_month, stacks.schedules) == (43_200, 43_200)
    off = read(Poll=function(), S=of("AWS::Scheduler::Schedule", State="DISABLED", **schedule))
    assert (off.functions["market-data/poll"].runs_a_month, off.schedules) == (0, 0)


def test_an_alarm_is_billed_by_its_metrics_and_thrice_below_a_minute():
    stat = {"MetricStat": {}}
    stacks = read(
        A=of("AWS::CloudWatch::Alarm", Period=60),
        B=of("AWS::CloudWatch::Alarm", Period=10),
        C=of("AWS::CloudWatch::Alarm", Metrics=[stat, stat, {"Expression": "a+b"}]),
    )
    assert stacks.pieces["alarm"] == 1 + 3 + 2


def test_a_rule_of_aws_s_own_events_costs_nothing():
    stacks = read(Ended=of("AWS::Events::Rule", EventPattern={"source": ["aws.states"]}))
    assert (stacks.pieces, stacks.schedules) == ({}, 0)


def test_pieces_are_counted_by_type():
    stacks = read(
        K=of("AWS::KMS::Key"),
        D=of("AWS::CloudWatch::Dashboard"),
        S=of("AWS::SecretsManager::Secret"),
        T=of("AWS::SNS::Topic"),
    )
    assert stacks.pieces == {"key": 1, "dashboard": 1, "secret": 1}


def test_a_key_is_called_once_per_data_key_lifetime():
    # A month of 2,592,000 s / 300 s = 8,640, by three at a queue; a day's reuse makes it 30 each.
    queue = {"KmsMasterKeyId": "k", "RedrivePolicy": {}}
    assert read(Q=of("AWS::SQS::Queue", **queue)).key_calls == 25_920
    assert read(Q=of("AWS::SQS::Queue", KmsDataKeyReusePeriodSeconds=86_400, **queue)).key_calls == 90
    assert read(Q=of("AWS::SQS::Queue", KmsMasterKeyId="k"), P=of("AWS::SQS::Queue")).key_calls == 0


def test_a_profile_says_whether_tables_and_topics_are_under_a_key_of_its_own():
    table = of("AWS::DynamoDB::Table", SSESpecification={"KMSMasterKeyId": "k"})
    assert read(T=of("AWS::SNS::Topic", KmsMasterKeyId="k"), D=table).keyed == ["dynamodb", "sns"]
    assert read(T=of("AWS::SNS::Topic", KmsMasterKeyId={"Ref": "AWS::NoValue"})).keyed == []


def test_a_state_machine_s_run_passes_all_its_states():
    definition = {"States": {"A": {}, "B": {"Branches": [{"States": {"C": {}}}, {"States": {"D": {}}}]}}}
    machine = of("AWS::StepFunctions::StateMachine", DefinitionString={"Fn::Sub": ["%s", {}]})
    schedule = of("AWS::Scheduler::Schedule", ScheduleExpression="rate(1 day)", Target={"Arn": {"Ref": "M"}})
    machine["Properties"]["DefinitionString"] = definition
    assert read(M=machine, S=schedule).transitions == 4 * 30


@pytest.mark.parametrize("variable", ["Bars,TickToOrder", ""])
def test_a_function_may_say_which_metrics_it_writes(variable):
    polling = read(Poll=function(Environment={"Variables": {"METRICS": variable}})).functions["market-data/poll"]
    assert polling.metrics == [name for name in variable.split(",") if name]
