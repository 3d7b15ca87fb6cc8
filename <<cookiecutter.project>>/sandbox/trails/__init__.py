"""Trails made to order: signed CloudTrail folders, to try the auditor on and to see it fail.

A developer's tool (docs/audit.md). It shares no code with `mlops audit`: were both to read a format from one
place, both could be wrong alike.
"""
