"""The shipped desk with an instance that is told from outside, and the secret that its senders sign with."""

import json
from decimal import Decimal

import msgspec

from fanfold.deployment import STAGE
from fanfold.desk import StrategyInstance
from fanfold.local.run_plan import RunPlan
from fanfold.strategy.contract import EXTERNAL
from support.trading import Desk, planned

HOOK = "hook"
INSTRUMENT = "BTC/USDT"


def hooked(minutes: int) -> RunPlan:
    """A plan of the shipped desk's own market, in which ``hook`` may hold a tenth of the account."""
    plan = planned(minutes)
    hook = StrategyInstance(
        strategy=EXTERNAL, instruments=[INSTRUMENT], timeframe="1m", allocation=Decimal("0.1"), account="main"
    )
    strategies = plan.desk.strategies | {HOOK: hook}
    return plan._replace(desk=msgspec.structs.replace(plan.desk, strategies=strategies))


def secret_of(desk: Desk) -> bytes:
    """A key that signs signals of a deployed desk."""
    secret = desk.cloud.call()("secretsmanager", "GetSecretValue", {"SecretId": f"fanfold-{STAGE}-webhook"})
    return str(next(iter(json.loads(secret["SecretString"]).values()))).encode()
