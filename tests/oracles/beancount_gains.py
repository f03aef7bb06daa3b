"""Print what beancount makes of a file: its errors, the gains, and what is left of each coin, as JSON.

A gain is what a transaction with one brought, less the cost that beancount computed for its lots: in its own posting
the gain is rounded to the digits of the other amounts.

Nothing of Fanfold is imported here.
"""

import json
import sys
from collections import defaultdict
from decimal import Decimal

from beancount import loader
from beancount.core.convert import get_weight

entries, errors, _ = loader.load_file(sys.argv[1])
gains, held = Decimal(0), defaultdict(Decimal)
for entry in entries:
    postings = getattr(entry, "postings", None) or ()
    if any(posting.account == "Income:Gains" for posting in postings):
        gains += sum(get_weight(posting).number for posting in postings if posting.account != "Income:Gains")
    for posting in postings:
        if posting.account.startswith(("Assets:Coins", "Liabilities:Short")):
            held[posting.units.currency] += posting.units.number
kept = {coin: f"{quantity.normalize():f}" for coin, quantity in held.items() if quantity}
print(json.dumps({"errors": [error.message for error in errors], "gains": str(gains), "held": kept}))
