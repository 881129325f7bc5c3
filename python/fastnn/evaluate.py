"""``python -m fastnn.evaluate``: list the wrong cases of a saved network. See :mod:`fastnn.commands.evaluate`."""

import sys

from fastnn.commands.evaluate import main

if __name__ == "__main__":
    sys.exit(main())
