"""CloudTrail: what it writes of a call, and the trails that deliver it, signed, to a bucket."""
