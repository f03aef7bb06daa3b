"""The alerts of events: of which thing, how bad, for whom, and when they are over."""

import json
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts_service.events import AlarmNotice, read_event
from alerts_service.rules import alerts_of
from fanfold import messages
from fanfold.alerts.record import Alert
from fanfold.alerts.sending import AlertSender
from fanfold.aws.function.sqs import NOT_A_MESSAGE
from fanfold.desk import AlertChannel
from fanfold.errors import AT_ONCE
from fanfold.messages import (
    BarsRequested,
    ExecutionReport,
    Fill,
    LegCode,
    LegState,
    LegStatus,
    OrdersRefused,
    OrderState,
    OrderUpdate,
    TradingState,
    TradingStateChanged,
)
from fanfold_dev.documents.message_examples import EXAMPLES
from support.memory_alerts import MemoryAlerts

NOW = 1_728_000_000
CHANNELS = {"phone": AlertChannel(fill_notional_min=Decimal(1000)), "mail": AlertChannel(refusals=["*"])}
# As Amazon's documents show a notice of an alarm, shortened.
ALARM = {
    "AlarmName": "fanfold-dev-bars-missing",
    "AlarmDescription": "No bar has come for three minutes. docs/runbook.md#bars-missing",
    "AWSAccountId": "123456789012",
    "AlarmConfigurationUpdatedTimestamp": "2026-03-01T00:00:00.000+0000",
    "NewStateValue": "ALARM",
    "NewStateReason": "Threshold Crossed: 3 datapoints were less than the threshold (1.0).",
    "StateChangeTime": "2026-03-01T12:00:00.000+0000",
    "Region": "EU (Ireland)",
    "OldStateValue": "OK",
    "Trigger": {"MetricName": "NumberOfMessagesPublished", "Period": 60},
}


def example(kind):
    (of_kind,) = [message for message in EXAMPLES if type(message) is kind]
    return of_kind


def alarm(**changes):
    return read_event(json.dumps(ALARM | changes))


def test_an_alarm_lasts_until_it_is_ok_again() -> None:
    (rung,) = alerts_of(alarm(), CHANNELS, NOW)
    (ended,) = alerts_of(alarm(NewStateValue="OK", StateChangeTime="2026-03-01T12:10:00.000+0000"), CHANNELS, NOW)
    assert rung.key == ended.key == "alarm fanfold-dev-bars-missing"
    assert (rung.severity, rung.lasts, rung.ended, ended.ended) == ("critical", True, False, True)
    assert "docs/runbook.md#bars-missing" in rung.text
    assert "Threshold Crossed" in rung.text
    assert rung.id != ended.id
    assert ended.at_s - rung.at_s == 600


def test_an_alarm_without_a_time_that_can_be_read_is_of_when_it_came() -> None:
    (rung,) = alerts_of(alarm(StateChangeTime="yesterday"), CHANNELS, NOW)
    assert rung.at_s == NOW


def test_an_alarm_of_slowness_is_a_warning() -> None:
    (rung,) = alerts_of(alarm(AlarmName="fanfold-dev-signal-queue-age"), CHANNELS, NOW)
    assert rung.severity == "warning"


@pytest.mark.parametrize("text", ["AWS Budgets: you have used 80 % of it.", '{"Error": "States.Timeout"}', "[1]", "7"])
def test_what_is_no_alarm_and_no_message_is_a_notice_of_a_moment(text: str) -> None:
    notice = read_event(text)
    assert isinstance(notice, AlarmNotice)
    (alert,) = alerts_of(notice, CHANNELS, NOW)
    assert (alert.text, alert.lasts, alert.severity) == (text, False, "critical")


def test_executions_of_a_machine_that_end_early_are_one_alert_without_quotes() -> None:
    ended = "Fanfold dev: an execution of order-plans ended as TIMED_OUT"
    beginning = f"{ended}: docs/runbook.md#an-execution-ended-early. Its name is "
    alerts = [
        alert for name in ("one", "two") for alert in alerts_of(read_event(f'"{beginning}{name}."'), CHANNELS, NOW)
    ]
    assert [alert.text for alert in alerts] == [f"{beginning}one.", f"{beginning}two."]
    assert {alert.key for alert in alerts} == {f"notice {beginning[:80]}"}


def test_a_message_of_a_later_version_is_for_the_dead_letters() -> None:
    with pytest.raises(msgspec.ValidationError):
        read_event('{"type":"orders-refused.v9","id":"x"}')


@pytest.mark.parametrize("state", TradingState)
def test_a_trading_state_lasts_until_the_account_is_active(state: TradingState) -> None:
    changed = msgspec.structs.replace(example(TradingStateChanged), state=state, actor="anna", reason="a test")
    (alert,) = alerts_of(read_event(messages.encode(changed)), CHANNELS, NOW)
    assert alert.key == f"trading-state {changed.account}"
    assert alert.ended is (state is TradingState.ACTIVE)
    assert alert.severity == {"HALTED": "critical", "FLATTENING": "critical"}.get(state, "warning")
    assert alert.text == "anna: a test"


def test_refusals_are_told_by_code_to_the_channels_that_ask_for_it() -> None:
    refused = example(OrdersRefused)
    (refusal, *_) = refused.refusals
    by_code = {}
    for code in ("DAILY_LOSS", "LOT_STEP"):
        changed = msgspec.structs.replace(refused, refusals=[msgspec.structs.replace(refusal, code=code)])
        (by_code[code],) = alerts_of(changed, CHANNELS, NOW)
    assert (by_code["DAILY_LOSS"].severity, by_code["DAILY_LOSS"].channels) == ("critical", ("phone", "mail"))
    assert (by_code["LOT_STEP"].severity, by_code["LOT_STEP"].channels) == ("warning", ("mail",))
    assert refusal.detail in by_code["LOT_STEP"].text
    assert alerts_of(refused, {"none": AlertChannel(refusals=[])}, NOW) == []


def test_refusals_of_one_code_are_one_event_however_many_a_message_has() -> None:
    refused = example(OrdersRefused)
    many = msgspec.structs.replace(refused, refusals=[refused.refusals[0]] * 150)
    (alert,) = alerts_of(many, CHANNELS, NOW)
    assert alert.text.endswith(", and 149 more")


@pytest.mark.parametrize(("price", "asking"), [("999.99", ()), ("1000", ("phone",)), ("64000", ("phone",))])
def test_a_fill_is_told_from_the_notional_that_a_channel_names(price: str, asking: tuple[str, ...]) -> None:
    report = example(ExecutionReport)
    fill = msgspec.structs.replace(report.fills[0], price=Decimal(price), quantity=Decimal(1))
    alerts = alerts_of(msgspec.structs.replace(report, fills=[fill], updates=[]), CHANNELS, NOW)
    assert [alert.channels for alert in alerts] == ([asking] if asking else [])
    assert all(isinstance(fill, Fill) and fill.instrument in alert.key for alert in alerts)


def test_an_order_in_doubt_lasts_until_somebody_knows_what_became_of_it() -> None:
    report = example(ExecutionReport)
    update = OrderUpdate(
        order_id="o1", client_order_id="c1", instance="trend", instrument="BTC/USDT", state=OrderState.OPEN,
        filled=Decimal(0), doubt="the venue does not know it",
    )  # fmt: skip
    known = msgspec.structs.replace(update, state=OrderState.FILLED, doubt=msgspec.UNSET)
    first, second = (
        alerts_of(msgspec.structs.replace(report, id=name, fills=[], updates=[each]), CHANNELS, NOW)
        for name, each in (("a", update), ("b", known))
    )
    assert [(alert.key, alert.severity, alert.ended) for alert in (*first, *second)] == [
        ("order o1", "critical", False),
        ("order o1", "critical", True),
    ]
    assert "the venue does not know it" in first[0].text


def of_leg(code: LegCode, before: str = "") -> list[Alert]:
    """Return the alerts of a leg's status, with the code before it."""
    state = LegState(instance="trend", instrument="BTC/USDT", code=code, detail="a detail")
    status = msgspec.structs.replace(example(LegStatus), id=f"{before}-{code}", statuses=[state.after(before)])
    return alerts_of(read_event(messages.encode(status)), CHANNELS, NOW)


@pytest.mark.parametrize("code", LegCode)
def test_every_status_of_a_leg_is_a_trouble_or_news_or_needs_nobody(code: LegCode) -> None:
    begun, ended = of_leg(code), of_leg(LegCode.OK, f"{code} with what was remembered")
    if code in (LegCode.OK, LegCode.WARMING_UP):
        assert begun == ended == []
        return
    (alert,) = begun
    of = "main" if alert.severity == "info" else "main trend BTC/USDT"
    assert (alert.key, alert.text) == (f"{code} {of}", "a detail")
    assert alert.title == f"main: trend BTC/USDT is {code}"
    assert [(each.key, each.ended, each.kept) for each in ended] == ([(alert.key, True, True)] if alert.lasts else [])


def test_a_position_without_a_stop_is_critical_until_it_has_one_or_is_closed() -> None:
    (begun,) = of_leg(LegCode.UNPROTECTED)
    assert (begun.severity, begun.lasts) == ("critical", True)
    for after in (LegCode.OK, LegCode.DUST, LegCode.STOPPED_OUT):
        first, *_ = of_leg(after, "UNPROTECTED")
        assert (first.key, first.ended) == (begun.key, True)
    (again,) = of_leg(LegCode.UNPROTECTED, "UNPROTECTED")
    assert not again.ended


def test_legs_of_a_silent_venue_are_one_event_however_many_they_are_and_however_often_it_is_brought() -> None:
    legs = [LegState(instance="trend", instrument=f"A{n}/USDT", code=LegCode.MISSING_BARS) for n in range(150)]
    status = msgspec.structs.replace(example(LegStatus), statuses=legs)
    store = MemoryAlerts()
    sender = AlertSender(store, {"phone": AlertChannel(lowest="info")}, lambda _n: None, lambda: NOW, AT_ONCE, print)
    for _ in range(2):
        for alert in alerts_of(status, CHANNELS, NOW):
            sender.send(alert)
    (record,) = store.all()
    assert (record.count, record.title) == (1, "main: trend A0/USDT is MISSING_BARS, and 149 more")


def test_what_signal_says_of_a_leg_ends_nothing_that_risk_said_of_it() -> None:
    ended = of_leg(LegCode.OK, "FAULT step raised")
    assert [alert.key for alert in ended] == ["FAULT main trend BTC/USDT"]


def test_a_leg_that_was_stopped_out_and_an_account_that_is_flat_are_news() -> None:
    flat = LegState(instance="", instrument="", code=LegCode.FLAT, detail="nothing is held or on order")
    (alert,) = alerts_of(msgspec.structs.replace(example(LegStatus), statuses=[flat]), CHANNELS, NOW)
    assert (alert.title, alert.lasts, alert.severity) == ("main: the whole account is FLAT", False, "warning")
    (stopped,) = of_leg(LegCode.STOPPED_OUT)
    assert (stopped.lasts, stopped.severity) == (False, "warning")


def test_what_no_rule_is_about_is_no_alert() -> None:
    assert alerts_of(example(BarsRequested), CHANNELS, NOW) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(ALARM)) | st.text(), inner),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(st.text() | JSON.map(json.dumps))
def test_any_text_is_an_alert_or_no_message(text: str) -> None:
    try:
        event = read_event(text)
    except NOT_A_MESSAGE:
        return
    (alert,) = alerts_of(event, CHANNELS, NOW)
    assert len(alert.key) <= 300
