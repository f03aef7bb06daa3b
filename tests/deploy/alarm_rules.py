"""Rules for alarms, as CloudWatch takes them (PutMetricAlarm, Period and EvaluationPeriods), and ends of machines."""

from merged import Stacks, of_type, owner

ALARM = "AWS::CloudWatch::Alarm"
DAY_S = 24 * 3600


def impossible_alarms(stacks: Stacks) -> list[str]:
    """Alarms over more time than CloudWatch looks at: seven days, or one day by periods of less than an hour."""
    wrong = []
    for name, alarm in of_type(stacks, ALARM):
        periods = [alarm["Period"]] if "Period" in alarm else []
        periods += [metric["MetricStat"]["Period"] for metric in alarm.get("Metrics", []) if "MetricStat" in metric]
        for period in periods:
            most = DAY_S if period < 3_600 else 7 * DAY_S
            fits = period * alarm["EvaluationPeriods"] <= most and (period in {10, 20, 30} or period % 60 == 0)
            wrong += [] if fits else [f"{name}: {alarm['EvaluationPeriods']} periods of {period} s"]
    return wrong


def untold_endings(stacks: Stacks) -> list[str]:
    """State machines whose time-outs no rule of events tells the alarm topic of."""
    announced = {
        machine.rpartition(":")[2]
        for _, rule in of_type(stacks, "AWS::Events::Rule")
        if "TIMED_OUT" in str(rule["EventPattern"]) and owner(rule["Targets"][0]["Arn"]) == "platform/AlarmTopic"
        for machine in rule["EventPattern"]["detail"]["stateMachineArn"]
    }
    machines = of_type(stacks, "AWS::StepFunctions::StateMachine")
    return [name for name, machine in machines if machine["StateMachineName"] not in announced]
