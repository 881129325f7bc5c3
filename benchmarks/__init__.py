"""fastnn's benchmarks: ``python -m benchmarks WORK``; ``python -m benchmarks --help`` lists the works.

Nothing is timed before its answer has been compared with the NumPy reference. Contenders take turns in one process, A B
C A B C ..., and before each sample a probe measures what the machine's multiply-add units can do at that moment.
``harness.py`` measures, ``report.py`` prints, ``peers/`` has one short file a peer and work.
"""

from pathlib import Path

import fastnn

# The reference, fastnn.reference, is beside the sources alone.
fastnn.__path__.append(str(Path(__file__).parents[1] / "python/fastnn"))
