"""What a desk costs a month: counted from packaged templates and a recorded day, priced from a dated table. Pure."""
