"""The command line: ``fastnn <command>`` and ``python -m fastnn.<command>``, a module a command.

cli.py       options, errors as one line, exit codes     signals.py   Ctrl-C and SIGTERM
settings.py  what a training run is to do                fitting.py   a training run, saved and resumed
testing.py   every wrong case, the accuracy              results.py   what is left in files
"""
