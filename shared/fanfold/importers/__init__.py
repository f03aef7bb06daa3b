"""Data files of many formats, read into exact bars."""
