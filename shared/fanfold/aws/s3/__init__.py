"""Stores on S3."""
