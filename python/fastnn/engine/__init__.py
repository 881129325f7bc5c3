"""From a recorded step to a running plan.

recording.py   the list of primitives that eager code ran    fusion.py   passes that join neighbours
lowering.py    that list as instructions on buffers          plan.py     the plan: programs, who holds the parameters
profile.py     where the time of a step goes
"""
