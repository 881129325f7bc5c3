"""``python -m fastnn.run``: Run a PyTorch or Keras script on fastnn. See :mod:`fastnn.commands.run`."""

import sys

from fastnn.commands.run import main

if __name__ == "__main__":
    sys.exit(main())
