"""The texts of a new strategy, which is one of the examples, and of a new desk file."""

from fanfold.local.launcher import repository_root


def example() -> str:
    """Return the text of a strategy that trades as it is."""
    return (repository_root() / "examples" / "strategies" / "rsi_dip.py").read_text()


DESK = """\
# What trades. `fanfold run` and a deploy read this file; `fanfold desk check` shows what it means, or what is wrong.
# Every key, with its unit and default: docs/desk-file.md.

# Where bars come from.
[venues.market]
kind = "replay"                      # recorded bars (--data FILE), or the seeded market; "ccxt" polls an exchange
# exchange = "binance"               # with kind "ccxt"
symbols = ["BTC/USDT", "ETH/USDT"]   # each needs an [instruments."..."] below
timeframe = "1m"                     # the shortest bars

# Cash, fees and fills on paper.
[accounts.main]
venue = "market"
kind = "spot"                        # "margin" can short
currency = "USDT"                    # what the instruments are quoted in
cash = 100_000
taker_bps = 10                       # basis points: 10 are 0.1 %
maker_bps = 8
spread_bps = 2
slippage_bps = 1

# A strategy with its instruments and its share of the cash; add as many as you like.
[strategies.dips]
strategy = "my_dip"                  # strategies/my_dip.py, or a shipped one: `fanfold strategies`
params = { window = 14, low = 40 }   # those left out keep their defaults
instruments = ["BTC/USDT", "ETH/USDT"]
timeframe = "5m"                     # a multiple of the venue's
allocation = 0.5                     # of the account's starting cash
account = "main"

# What risk refuses.
[limits.main]
order_notional_max = 30_000
position_notional_max = 50_000
gross_max = 1.0                      # exposure over equity
net_max = 1.0
daily_loss_max = 0.05                # 5 %: then only reductions pass
drawdown_max = 0.2

# The venue's rules; `fanfold desk check --refresh --write` takes them from an exchange.
[instruments."BTC/USDT"]
base = "BTC"
quote = "USDT"
tick = 0.01
lot = 0.00001
notional_min = 5
as_of = "2026-01-01"
source = "seeded market"

[instruments."ETH/USDT"]
base = "ETH"
quote = "USDT"
tick = 0.01
lot = 0.0001
notional_min = 5
as_of = "2026-01-01"
source = "seeded market"
"""
