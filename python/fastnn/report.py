"""``python -m fastnn.report``: one page on a saved network. See :mod:`fastnn.commands.report`."""

import sys

from fastnn.commands.report import main

if __name__ == "__main__":
    sys.exit(main())
