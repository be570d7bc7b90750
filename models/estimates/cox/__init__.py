"""Cox regression for trial reports: ``cox`` fits, ``CoxFit`` answers."""

from models.estimates.cox.fit import CoxFit, cox

__all__ = ["CoxFit", "cox"]
