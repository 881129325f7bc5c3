"""The command line: ``fastnn <command>`` and ``python -m fastnn.<command>``, a module a command.

cli.py         options, errors as one line, exit codes    signals.py      Ctrl-C and SIGTERM
preparation.py from any image to what a network takes
"""
