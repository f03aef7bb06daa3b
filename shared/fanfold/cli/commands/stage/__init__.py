"""Deploy a stage into an AWS account, roll it back, remove it."""
