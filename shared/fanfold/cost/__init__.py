"""The monthly cost of a desk: counted from packaged templates and a recorded day, priced from a dated table. Pure."""
