"""The desk as its operator sees it: the command line, the local run, reports."""
