"""Before SciPy is loaded: scikit-learn's check of what the array API changes runs with it alone."""

import os

os.environ.setdefault("SCIPY_ARRAY_API", "1")
