"""Stages in an AWS account: deploy, roll back, remove, inspect."""
