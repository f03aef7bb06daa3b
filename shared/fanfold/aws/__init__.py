"""Carries: everything that speaks to AWS, behind one seam, ``fanfold.aws.calls.Call``."""
