"""Networks as scikit-learn's estimators: NetworkClassifier and NetworkRegressor, for tables of numbers."""

try:
    import sklearn.utils.validation as _validation
except ImportError as error:
    raise ImportError("fastnn.sklearn needs scikit-learn 1.6 or newer: pip install scikit-learn") from error
if not hasattr(_validation, "validate_data"):
    raise ImportError("fastnn.sklearn needs scikit-learn 1.6 or newer: pip install -U scikit-learn")

from fastnn.sklearn.classifier import NetworkClassifier
from fastnn.sklearn.regressor import NetworkRegressor

__all__ = ["NetworkClassifier", "NetworkRegressor"]
