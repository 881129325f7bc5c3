"""To be imported for what it does: finds ``fastnn.reference``, the oracle, beside the sources, as no wheel has it."""

import fastnn
from repository import PACKAGE

fastnn.__path__.append(str(PACKAGE))
