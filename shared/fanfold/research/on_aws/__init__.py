"""Sweeps on AWS: the documents of one, where they lie in the lake's bucket, and the batch that a function trades."""
