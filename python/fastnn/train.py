"""``python -m fastnn.train``: Train a network on images and test it. See :mod:`fastnn.commands.train`."""

import sys

from fastnn.commands.train import main

if __name__ == "__main__":
    sys.exit(main())
