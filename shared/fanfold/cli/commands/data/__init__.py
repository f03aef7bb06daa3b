"""Check data files, and convert them to Parquet."""
