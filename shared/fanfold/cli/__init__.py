"""The operator's side of the desk: the command line, the local run, reports."""
