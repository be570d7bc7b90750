"""Whether a challenger replaces the champion: frozen predictions, calendar maturation, nightly looks that cost nothing.

``registration`` freezes predictions, ``maturation`` says whose label counts tonight, ``weights`` weighs it from the
past only, ``loss`` compares, ``boundaries`` and ``betting`` say how much is enough, ``requirements`` what else must
hold, ``rules`` are the protocol's limits, ``gate`` decides. Pure functions: nothing is read, written or moved here.
"""
