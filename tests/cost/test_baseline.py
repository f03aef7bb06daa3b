"""A change that raises what a minute of bars or an order asks of AWS by more than a twentieth is seen."""

import json
from pathlib import Path

import baseline

KNOWN = json.loads((Path(__file__).parent / "recorded" / "baseline.json").read_text())


def test_bars_and_orders_make_no_more_aws_calls_than_recorded():
    assert baseline.risen(KNOWN, baseline.measured()) == [], "if it is worth it: tests/cost/record.py baseline"


def test_five_percent_more_calls_pass_and_more_than_that_fails():
    known = {"bars": {"s3-put": 20.0}, "order": {}}
    assert baseline.risen(known, {"bars": {"s3-put": 21.0}, "order": {}}) == []
    assert baseline.risen(known, {"bars": {"s3-put": 21.1}, "order": {}}) == ["bars: s3-put 20.0 -> 21.1"]
    assert baseline.risen(known, {"bars": {}, "order": {"sns Publish": 1.0}}) == ["order: sns Publish 0 -> 1.0"]
