"""Write section 12 of the benchmarks from the slices of a long run, the mutants, and a profile that is taken here."""

import gc
import signal
import sys
from collections import Counter
from datetime import UTC, datetime
from types import FrameType

from fanfold.local.launcher import make_services_importable
from fanfold.simulation.schedules.schedule import run
from support.simulator_figures import PAGE, WRITTEN, Recorded, mutants_of, record, slices_of

SCHEDULES = 1_000
SAMPLE_S = 0.001
DESK, LAWS = "handlers, ledger and codecs of the desk", "laws, witness and rare states"
# A sample counts for the part of its innermost file, by the first of these that the file's name has in it.
PARTS = {
    "/simulation/schedules/": "who goes on next, dice, deliveries, the venue",
    "/simulation/": "the AWS in memory",
    "/shared/fanfold/": DESK,
    "/services/": DESK,
}
# What these call counts for them: they read the ledger by the desk's own code.
JUDGES = ("/laws.py", "_laws.py", "/witness.py", "/outcome.py", "/reached.py")


def main() -> None:
    slices = slices_of(WRITTEN.glob("slice-*.json"))
    printed = WRITTEN / "mutants.txt"
    if not slices or not printed.exists():
        sys.exit(f"there are no figures in {WRITTEN}; `make sim-record` writes them")
    make_services_importable()
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    record(Recorded(day=day, slices=slices, mutants=mutants_of(printed.read_text()), shares=shares()))
    print(f"wrote section 12 of {PAGE} from {len(slices)} slices")


def shares() -> dict[str, float]:
    """Return the share of each part of a schedule's processor time, in percent, the largest first."""
    counts = Counter[str]()
    run(0)
    gc.disable()
    before = signal.signal(signal.SIGPROF, lambda _signal, frame: counts.update([_part(frame)]))
    signal.setitimer(signal.ITIMER_PROF, SAMPLE_S, SAMPLE_S)
    try:
        for seed in range(SCHEDULES):
            run(seed)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        gc.enable()
    return {part: 100 * count / counts.total() for part, count in counts.most_common()}


def _part(frame: FrameType | None) -> str:
    files = list[str]()
    while frame is not None:
        files.append(frame.f_code.co_filename)
        frame = frame.f_back
    if any(file.endswith(JUDGES) for file in files):
        return LAWS
    return next((part for file in files for name, part in PARTS.items() if name in file), "the rest")


if __name__ == "__main__":
    main()
