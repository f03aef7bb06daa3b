"""An instrument leaves the desk of a live account, service by service, while bars come: its stop stays."""

import os
import signal
import time
from decimal import Decimal
from pathlib import Path

import msgspec

from fanfold import desk
from fanfold.aws.sns import Topics
from fanfold.cli.main import main
from fanfold.deployment import SERVICES, STAGE
from fanfold.desk import Desk
from fanfold.local.launcher import REGION
from fanfold.messages import Target, Targets
from support.alarms import ACCOUNT_ID
from support.boxed_desk import BoxedDesk, boxed_desk
from support.bundle_desk import LEGS, live_desk

GONE, STAYS = "SOL/USDT", ("BTC/USDT", "ETH/USDT")


def without(traded: Desk) -> Desk:
    """Return the desk without an instrument."""
    venues = {name: msgspec.structs.replace(venue, symbols=list(STAYS)) for name, venue in traded.venues.items()}
    strategies = {
        name: msgspec.structs.replace(each, instruments=list(STAYS)) for name, each in traded.strategies.items()
    }
    rules = {name: each for name, each in traded.instruments.items() if name != GONE}
    return msgspec.structs.replace(traded, venues=venues, strategies=strategies, instruments=rules)


def deploy(traded: BoxedDesk, service: str, fresh: Desk) -> None:
    """Let the processes of a service end; those that follow have another desk file."""
    (traded.run.state / "desk.json").write_bytes(desk.dump(fresh))
    functions = traded.cloud.control("processes").items()
    pids = [pid for name, function in functions if name.startswith(f"fanfold-{service}-") for pid in function["pids"]]
    for pid in pids:
        os.kill(pid, signal.SIGTERM)
    ends_at = time.monotonic() + 10
    while any(running(pid) for pid in pids) and time.monotonic() < ends_at:
        time.sleep(0.02)


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def tell(traded: BoxedDesk, weights: dict[str, float]) -> None:
    """Let somebody tell what to hold, each with a stop."""
    name = f"told-{traded.now.isoformat()}"
    targets = [
        Target(signal_id=f"{name} {leg}", instance="basket", instrument=leg, timeframe="1m", weight=weight, stop=0.3)
        for leg, weight in weights.items()
    ]
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT_ID}:fanfold-{STAGE}-targets.fifo"
    message = Targets(id=name, cause=name, at=traded.now, account="main", poll_id="", targets=targets)
    Topics(traded.run.call, {"targets": topic}).publish([message])
    traded.run.rest()


def resting_stops(traded: BoxedDesk) -> list[str]:
    rows = [row for row in traded.ask("orders") if row["symbol"] == GONE.replace("/", "")]
    return [row["clientOrderId"] for row in rows if row["status"] == "NEW"]


def minutes(traded: BoxedDesk, count: int) -> None:
    for _ in range(count):
        traded.minute()


def test_a_stop_stays_and_after_a_flat_deploy_the_dust_of_what_left_bars_nothing(
    deployed: Path, tmp_path: Path
) -> None:
    state = ["--state", str(tmp_path / "state")]
    with boxed_desk(tmp_path / "state", deployed, {}) as traded:
        tell(traded, dict.fromkeys(LEGS, 0.5))
        minutes(traded, 2)
        before, fresh = resting_stops(traded), without(live_desk("market"))
        assert len(before) == 1
        for service in SERVICES:
            deploy(traded, service, fresh)
            traded.minute()
        assert resting_stops(traded) == before
        assert main([*state, "halt", "FLATTENING", "--account", "main", "--reason", "t"]) == 0
        minutes(traded, 3)
        assert main([*state, "resume", "--account", "main", "--reason", "t"]) == 0
        tell(traded, dict.fromkeys(STAYS, 0.5))
        minutes(traded, 2)
        held = traded.held()
        assert (0 < held[GONE] < Decimal("0.001"), min(held[leg] for leg in STAYS) > Decimal("0.01")) == (True, True)
        compared = traded.compared()
        assert (compared.violations, traded.run.dead_letters()) == ([], 0)
