"""What `mlops doctor` looks at: one check, one reading and one judgement, under an id that stays.

A module holds the checks of one subject in its table `CHECKS`; `catalogue.py` puts the tables together. A
check reads through `reads.py` alone, so that a test can show it any world; what it decides is a plain
function of what was read.
"""
