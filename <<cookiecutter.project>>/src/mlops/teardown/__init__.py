"""What `mlops destroy` takes away: every kind of thing that the tool or infra/ makes, in one table.

A kind says how its things are found, by listing what the account has and never by tags alone, and how one of
them is removed. Whose a thing is follows from its name (`owning.py`); `inventory.py` looks, before and after.
"""
