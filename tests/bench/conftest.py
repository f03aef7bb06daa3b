"""Benches are run, not collected: they find their modules by the path that run.py gives them."""

collect_ignore_glob = ["*.py"]
