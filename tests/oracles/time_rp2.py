"""Print the gain and the CPU time of rp2 on a random ledger: ``time_rp2.py EVENTS METHOD``, for `make bench-tax`."""

import json
import logging
import sys
import time
from decimal import Decimal

from ledgers import COINS, ledger
from rp2.tax_engine import compute_tax
from rp2_input import configuration, engine, input_of

logging.disable(logging.WARNING)
count, method = int(sys.argv[1]), sys.argv[2]
settings, events = configuration(), ledger(0, count)
inputs = [data for coin in COINS if (data := input_of(settings, events, coin))]
began = time.process_time()
computed = [compute_tax(settings, engine(method), data) for data in inputs]
taken_s = time.process_time() - began
gain = sum((row.fiat_gain for each in computed for row in each.gain_loss_set), Decimal(0))
print(json.dumps({"gain": str(gain), "taken_s": taken_s}))
