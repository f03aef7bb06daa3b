"""Write section 11 of the benchmarks from what the runs of ``make storm`` wrote."""

import sys

from support.storm_figures import PAGE, WRITTEN, record


def main() -> None:
    written = sorted(WRITTEN.glob("*.json"))
    if not written:
        sys.exit(f"there are no figures in {WRITTEN}; `make storm` writes them")
    record(written)
    print(f"wrote section 11 of {PAGE} from {len(written)} runs")


if __name__ == "__main__":
    main()
