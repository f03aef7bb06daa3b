"""Every command but run, against a desk that traded: in text and JSON, with right and wrong arguments."""

import csv
import io
import os
import shutil
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from support.command_results import Fanfold, say
from support.desk_fixture import DAY, ROOT


@pytest.fixture
def rested(local) -> Path:
    """The state of the desk, at rest from the first test on that asks for that."""
    return local.rest()


def order_of(fanfold: Fanfold, state: str) -> dict[str, Any]:
    orders = fanfold("orders", "--last", "0", "--json").document["orders"]
    return next(order for order in orders if order["state"] == state)


def test_the_log_replays_to_the_byte(fanfold):
    said = fanfold("replay", "--json")
    assert said.document["differences"] == []
    assert said.document["same_hashes"]
    assert (said.code, said.document["followed"] > said.document["outside"]) == (0, True)
    assert fanfold("replay").out.endswith("replay and log are equal, to the byte\n")


def test_parity_finds_no_difference_on_paper_and_status_says_so(fanfold):
    said = fanfold("parity", DAY, "--json").document
    line = f"{DAY}: {said['orders']} orders and {said['fills']} fills as in the back-test"
    assert (line in fanfold("parity", DAY).out, f"parity {line}" in fanfold("status").out) == (True, True)


def test_why_not_says_of_each_strategy_what_stood_in_the_way(fanfold):
    bought = fanfold("orders", "--last", "0", "--json").document["orders"][0]
    said = fanfold("why-not", bought["instrument"], bought["decided_at"], "--json")
    legs = {leg["instance"]: leg for leg in said.document["legs"]}
    assert (said.code, legs[bought["instance"]]["traded"]) == (0, bought["state"] != "REFUSED")
    assert all(leg["why"] for leg in legs.values())
    assert "ISO 8601" in fanfold("why-not", bought["instrument"], "yesterday").err
    assert "the desk has no instrument" in fanfold("why-not", "NONE/USDT", bought["decided_at"]).err


def test_status_tells_money_halt_state_and_dead_letters(fanfold):
    said = fanfold("status", "--json")
    (account,) = said.document["accounts"]
    assert said.code == 0
    assert account["trading_state"] == "ACTIVE"
    assert account["books_balance"]
    assert isinstance(account["equity"], str)
    assert Decimal(account["equity"]) > 9_000
    assert {queue["service"]: queue["dead_letters"] for queue in said.document["queues"]}["risk"] == 1
    text = fanfold("status")
    assert "account main: ACTIVE" in text.out
    assert "last bar    2026-03-01 01:00:00" in text.out


def test_positions_sum_up_to_the_equity_that_status_tells(fanfold):
    rows = fanfold("positions", "--json").document["positions"]
    (account,) = fanfold("status", "--json").document["accounts"]
    assert sum(Decimal(row["value"]) for row in rows) == Decimal(account["equity"]) - Decimal(account["cash"])
    assert rows[0]["instrument"] in fanfold("positions", "--account", "main").out


def test_orders_are_narrowed_to_the_refused_the_open_and_the_last(fanfold):
    every = fanfold("orders", "--last", "0", "--json").document
    refused = fanfold("orders", "--refused", "--last", "0", "--json").document
    states = [order["state"] for order in every["orders"]]
    assert every["total"] == len(states)
    assert refused["total"] == states.count("REFUSED") > 0
    assert {order["code"] for order in refused["orders"]} == {"ORDER_NOTIONAL"}
    still = fanfold("orders", "--open", "--json").document["orders"]
    assert {order["state"] for order in still} <= {"OPEN", "APPROVED"}
    assert "the last 2 of" in fanfold("orders", "--last", "2").out


def test_trades_are_those_of_the_day(fanfold):
    said = fanfold("trades", "--day", DAY, "--json").document
    assert said == fanfold("trades", "--json").document
    assert said["trades"]
    assert {trade["at"][:10] for trade in said["trades"]} == {DAY}
    assert "no trades on 2026-02-01" in fanfold("trades", "--day", "2026-02-01").out


def test_trades_of_a_span_an_instrument_or_all_are_those_that_were_recorded(fanfold):
    every = fanfold("trades", "--all", "--json").document["trades"]
    assert fanfold("trades", "--from", f"{DAY}T00:00", "--until", f"{DAY}T23:59", "--json").document["trades"] == every
    middle = every[len(every) // 2]
    late = fanfold("trades", "--from", middle["at"], "--json").document["trades"]
    assert late == [trade for trade in every if trade["at"] >= middle["at"]]
    own = fanfold("trades", "--all", "--instrument", middle["instrument"].lower(), "--json").document["trades"]
    assert own == [trade for trade in every if trade["instrument"] == middle["instrument"]]
    rows = list(csv.DictReader(io.StringIO(fanfold("trades", "--all", "--csv").out)))
    assert [row["trade_id"] for row in rows] == [trade["trade_id"] for trade in every]
    assert f"there are some on {DAY}" in fanfold("trades", "--day", "2026-02-01").out


@pytest.mark.parametrize("command", ["orders", "trades", "positions", "signals", "status", "report"])
def test_tables_fit_eighty_columns(fanfold, command):
    widest = max(fanfold(command).out.splitlines(), key=len)
    assert len(widest) <= 80, widest


@pytest.mark.parametrize("command", ["orders", "trades"])
def test_an_instrument_that_the_desk_does_not_have_is_refused(fanfold, command):
    answer = fanfold(command, "--instrument", "FOO/BAR")
    assert (answer.code, answer.out) == (2, "")
    assert "no instrument 'FOO/BAR'; it has BTC/USDT" in answer.err


def test_a_short_id_of_a_table_is_one_that_why_takes(fanfold):
    short = fanfold("orders").out.splitlines()[1].split()[2]
    assert fanfold("why", short, "--json").document["order"]["order_id"].startswith(short)


def test_positions_have_totals(fanfold):
    answer = fanfold("positions", "--json").document
    (total,) = answer["totals"]
    for name in ("value", "unrealised", "realised", "fees"):
        assert Decimal(total[name]) == sum(Decimal(row[name]) for row in answer["positions"])


def test_a_report_of_a_desk_that_trades_agrees_with_its_status(fanfold):
    (whole,) = fanfold("report", "--json").document["performance"]
    (account,) = fanfold("status", "--json").document["accounts"]
    assert Decimal(whole["equity"]) == Decimal(account["equity"])
    assert sum(Decimal(part["profit"]) for part in whole["by_strategy"]) == Decimal(account["equity"]) - 10_000


def test_signals_tell_what_every_instance_wants(fanfold):
    rows = fanfold("signals", "--json").document["signals"]
    assert {row["instance"] for row in rows} == {"small", "large"}
    assert "sma_cross" not in fanfold("signals").out


def test_why_goes_from_a_fill_back_to_the_bar(fanfold):
    order = order_of(fanfold, "FILLED")
    explanation = fanfold("why", order["order_id"], "--json").document
    assert [step["kind"] for step in explanation["chain"]] == ["OrdersApproved", "Targets", "BarsClosed"]
    assert [step["cause"] for step in explanation["chain"][:-1]] == [
        step["message_id"] for step in explanation["chain"][1:]
    ]
    assert sum(Decimal(fill["quantity"]) for fill in explanation["fills"]) == Decimal(order["quantity"])
    assert explanation["chain"][2]["bar"]["close"] == order["reference_price"]
    assert fanfold("why", order["client_order_id"], "--json").document == explanation
    text = fanfold("why", order["order_id"][:12]).out
    assert "  filled " in text
    assert f"because {order['instance']} wanted weight" in text
    assert "because of the bar (1m)" in text


def test_why_tells_the_code_and_figures_of_a_refusal(fanfold):
    order = order_of(fanfold, "REFUSED")
    explanation = fanfold("why", order["order_id"], "--json").document
    assert explanation["chain"][0]["code"] == "ORDER_NOTIONAL"
    assert explanation["fills"] == []
    assert f"REFUSED by risk: ORDER_NOTIONAL: {order['detail']}" in fanfold("why", order["order_id"]).out


def test_an_order_that_nobody_knows_is_not_there(fanfold):
    said = fanfold("why", "zz")
    assert (said.code, said.out) == (3, "")
    assert "no order 'zz' was recorded" in said.err


def test_the_start_of_several_order_ids_is_refused(fanfold):
    ids = [order["order_id"] for order in fanfold("orders", "--last", "0", "--json").document["orders"]]
    shared = next(order_id[0] for order_id in ids if sum(other[0] == order_id[0] for other in ids) > 1)
    said = fanfold("why", shared)
    assert said.code == 2
    assert "give more of it" in said.err


def test_query_answers_from_the_lake_and_fetches_only_once(fanfold, local):
    sql = f"SELECT count(*) AS fills, sum(fee) AS fees FROM trades WHERE dt = '{DAY}'"
    (row,) = fanfold("query", sql, "--json").document["rows"]
    trades = fanfold("trades", "--day", DAY, "--json").document["trades"]
    assert row["fills"] == len(trades)
    assert Decimal(row["fees"]) == sum(Decimal(trade["fee"]) for trade in trades)
    before = {path: path.stat().st_mtime_ns for path in (local.state / "lake-cache").rglob("*.parquet")}
    assert "fills" in fanfold("query", sql, "--flush").out
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_the_views_of_the_lake_say_what_the_report_says(fanfold):
    (whole,) = fanfold("report", "--json").document["performance"]
    newest = "SELECT value FROM portfolio_value ORDER BY at DESC LIMIT 1"
    (row,) = fanfold("query", newest, "--flush", "--json").document["rows"]
    assert Decimal(row["value"]) == Decimal(whole["equity"])
    sums = "SELECT instance, sum(pnl) AS profit, sum(fees) AS fees FROM pnl_by_day GROUP BY instance"
    shown = {row["instance"]: row for row in fanfold("query", sums, "--json").document["rows"]}
    parts = [(part["name"], part["profit"], part["fees"]) for part in whole["by_strategy"]]
    assert parts
    for name, *amounts in parts:
        assert [Decimal(shown[name][column]) for column in ("profit", "fees")] == list(map(Decimal, amounts))


@pytest.mark.parametrize(
    ("sql", "named"), [("SELECT nope FROM trades", "nope"), ("DELETE FROM trades", "read-only"), ("SELEC", "SQL")]
)
def test_invalid_sql_is_reported_without_a_traceback(fanfold, sql, named):
    said = fanfold("query", sql)
    assert (said.code, said.out) == (2, "")
    assert named in said.err or "read-only" in said.err
    assert "Traceback" not in said.err


def test_a_halt_is_in_force_and_recorded_until_it_is_resumed(fanfold):
    before = fanfold("audit", "verify", "--json").document["records"]
    halted = fanfold("halt", "reduce-only", "--reason", "the venue is down", "--json")
    assert halted.code == 0
    assert halted.document["accounts"] == [{"account": "main", "state": "REDUCE_ONLY"}]
    assert halted.document["recorded"]
    assert "account main: REDUCE_ONLY (the venue is down, by " in fanfold("status").out
    assert "account main: ACTIVE" in fanfold("resume", "--reason", "it is back", "--account", "main").out
    assert fanfold("audit", "verify", "--json").document["records"] == before + 2


def test_a_drill_shows_a_halt_and_leaves_the_desk_as_it_was_while_it_runs_and_at_rest(fanfold):
    where = [fanfold("halt", "--drill")]
    assert "account main: ACTIVE (drill: the account trades on by itself, by " in fanfold("status").out
    before = fanfold("audit", "verify", "--json").document["records"]
    where.append(fanfold("halt", "--drill", "--account", "main"))
    for said in where:
        assert said.code == 0
        assert "HALTED in the ledger: from here on no order is claimed for sending" in said.out
        assert "a claim was tried, and refused" in said.out
        assert said.out.rstrip().endswith("ACTIVE again, as before")
    # The desk is up, so that it is drilled itself, and all of it is in the chain.
    assert fanfold("audit", "verify", "--json").document["records"] == before + 2


def test_halts_while_the_clock_of_the_desk_stands_still_are_each_recorded(fanfold):
    before = fanfold("audit", "verify", "--json").document["records"]
    for command in (
        ["halt", "HALTED", "--reason", "first"],
        ["resume", "--reason", "second"],
        ["halt", "HALTED", "--reason", "third"],
        ["halt", "FLATTENING", "--reason", "fourth"],
    ):
        assert fanfold(*command).code == 0
    assert fanfold("audit", "verify", "--json").document["records"] == before + 4
    assert "account main: FLATTENING (fourth, by " in fanfold("status").out
    assert fanfold("resume", "--reason", "for the next test").code == 0


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["halt", "PAUSE", "--reason", "x"], "'PAUSE' is not one of REDUCE_ONLY, HALTED, FLATTENING"),
        (["halt", "ACTIVE", "--reason", "x"], "fanfold resume"),
        (["halt", "HALTED"], "--reason"),
        (["halt", "HALTED", "--reason", " "], "--reason is empty"),
        (["halt", "HALTED", "--reason", "x", "--account", "savings"], "'savings' is not in the desk; it has main"),
        (["resume"], "--reason"),
        (["trades", "--day", "March"], "'March' is not a date"),
        (["orders", "--last", "-1"], "--last"),
        (["orders", "--open", "--refused"], "are mutually exclusive"),
        (["dead-letters", "list", "--service", "bank"], '"bank"'),
        (["dead-letters"], "name a command"),
        (["sell", "everything"], "'sell'"),
        (["why", ""], "give an order id"),
    ],
)
def test_wrong_usage_is_named_on_standard_error(fanfold, words, named):
    said = fanfold(*words)
    assert (said.code, said.out) == (2, "")
    assert named in said.err


def test_audit_verify_counts_the_records(fanfold):
    said = fanfold("audit", "verify")
    assert said.code == 0
    assert said.out.startswith("audit chain verified: ")


def test_a_dead_letter_is_listed_with_its_reason_and_stays(fanfold):
    (letter,) = fanfold("dead-letters", "list", "--json").document["dead_letters"]
    assert letter["service"] == "risk"
    assert letter["reason"] == "not a message: it has no type"
    assert letter["source"] == "fanfold-local-risk.fifo"
    assert "1 dead letters" in fanfold("dead-letters", "list", "--service", "risk").out
    assert "no dead letters" in fanfold("dead-letters", "list", "--service", "audit").out


def test_a_redriven_letter_is_handled_again_and_returns_with_its_reason(fanfold):
    said = fanfold("dead-letters", "redrive", "--service", "risk", "--json").document
    assert (said["total"], said["redriven"]) == (1, {"risk": 1})
    (letter,) = fanfold("dead-letters", "list", "--json").document["dead_letters"]
    assert letter["reason"].startswith("not a message: ValidationError: Object missing required field `type`")
    assert "0 sent back" in fanfold("dead-letters", "redrive", "--service", "audit").out


def test_doctor_finds_the_running_desk(fanfold):
    said = fanfold("doctor", "--desk", str(ROOT / "desk.toml"), "--json")
    findings = {finding["name"]: finding for finding in said.document["findings"]}
    assert said.code == (0 if said.document["ok"] else 1)
    assert findings["run.json"]["found"].startswith("a desk is running at http://127.0.0.1:")
    assert findings["emulator"]["ok"]


def test_without_a_running_desk_the_embedded_aws_is_started_for_the_command_alone(rested, capsys):
    assert say(capsys, rested, "audit", "verify").code == 0
    assert emulators(rested) == []


def test_an_edited_record_is_named_and_fails(rested, tmp_path, capsys):
    copied = Path(shutil.copytree(rested, tmp_path / "state"))
    stored = next(path for path in sorted((copied / "aws" / "s3").rglob("chain/main/*.jsonl")) if path.is_file())
    stored.write_bytes(stored.read_bytes().replace(b'"sent_ms":1', b'"sent_ms":2', 1))
    said = say(capsys, copied, "audit", "verify")
    assert said.code == 1
    assert "audit chain BROKEN: main is " in said.out


def test_ctrl_c_stops_what_was_started_and_says_nothing(rested):
    command = [sys.executable, "-m", "fanfold.cli.main", "--state", str(rested), "status"]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "shared")}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        while not emulators(rested) and child.poll() is None:
            time.sleep(0.01)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=30)
    assert (child.returncode, out, err) == (130, b"", b"")
    assert emulators(rested) == []


def test_commands_on_a_directory_without_a_run_say_so(tmp_path, capsys):
    said = say(capsys, tmp_path / "empty", "status")
    assert (said.code, said.out) == (3, "")
    assert "start one with `fanfold run`" in said.err


def emulators(state: Path) -> list[int]:
    """Processes of the embedded AWS on a state directory."""
    wanted = f"FANFOLD_STATE={state}".encode()
    return [
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/environ")
        if wanted in read(path).split(b"\0") and b"local.emulator" in read(path.with_name("cmdline"))
    ]


def read(path: Path) -> bytes:
    """A file of a process, which may end meanwhile."""
    try:
        return path.read_bytes()
    except OSError:
        return b""
