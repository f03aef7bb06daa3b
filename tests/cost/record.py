"""Write what bills are counted from anew: ``record.py stacks`` packages the stacks, ``record.py ten`` trades a day,
``record.py order`` some hours for real at the simulated exchange.

Without names it does all; a day takes a minute or two.
"""

import json
import sys
import time
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
RECORDED = Path(__file__).resolve().parent / "recorded"


def main(names: list[str]) -> None:
    import baseline
    import page_requests
    from cost_situations import SCENARIOS
    from counted_chain import DAY_MINUTES, day
    from real_orders import real_days

    from fanfold.cost.days import encode

    for name in names or ("stacks", "baseline", "page", "order", *SCENARIOS):
        if name == "stacks":
            stacks()
            continue
        if name == "baseline":
            (RECORDED / "baseline.json").write_text(json.dumps(baseline.measured(), indent=1, sort_keys=True) + "\n")
            continue
        if name == "page":
            (RECORDED / "page.json").write_bytes(page_requests.text(page_requests.measured()))
            continue
        if name == "order":
            for recorded, hours in real_days().items():
                (RECORDED / f"{recorded}.json").write_bytes(encode(hours))
            continue
        began = time.monotonic()
        recorded_day = day(SCENARIOS[name](DAY_MINUTES))
        (RECORDED / f"{name}.json").write_bytes(encode(recorded_day))
        print(f"{name}: {recorded_day.orders} orders, {time.monotonic() - began:.0f} s")


def stacks() -> None:
    import msgspec

    from fanfold.cli.cost_files import packaged_stacks
    from fanfold.cost.scenarios import PROFILES

    for profile in PROFILES:
        text = msgspec.json.format(msgspec.json.encode(packaged_stacks(profile), order="sorted"), indent=1)
        (RECORDED / f"stacks-{profile}.json").write_bytes(text + b"\n")


if __name__ == "__main__":
    services = sorted((_ROOT / "services").iterdir())
    sys.path += [str(path) for path in (_ROOT / "shared", *services, _ROOT / "tests")]
    main(sys.argv[1:])
