"""List, rank, tag and compare the runs that research keeps."""
