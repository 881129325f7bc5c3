"""``python -m fastnn.predict``: Tell the class of images with a saved network. See :mod:`fastnn.commands.predict`."""

import sys

from fastnn.commands.predict import main

if __name__ == "__main__":
    sys.exit(main())
