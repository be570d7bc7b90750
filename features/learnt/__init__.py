"""What is learnt from training patients only: fitted inside the fold, applied to everybody.

Each is a small frozen object whose state is NumPy arrays: ``fit`` learns it from rows, ``apply`` gives columns of any
rows. All but two have no argument for the outcome; the stable variation takes who stayed free of recurrence, and the
signature is a model of the outcome, cross-fitted.
"""

from features.learnt.bridge import Bridge, BridgedChange
from features.learnt.censored import CensoredNormal
from features.learnt.clusters import Clusters
from features.learnt.mixed_model import MixedModel
from features.learnt.signature import Signature
from features.learnt.stable import StableVariation

__all__ = ["Bridge", "BridgedChange", "CensoredNormal", "Clusters", "MixedModel", "Signature", "StableVariation"]
