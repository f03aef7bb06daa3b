"""Everything that talks to AWS, behind one seam, ``fanfold.aws.client.call.Call``."""
