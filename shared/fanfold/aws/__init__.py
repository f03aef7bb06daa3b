"""Carries: everything that speaks to AWS, behind one seam, ``fanfold.aws.client.call.Call``."""
