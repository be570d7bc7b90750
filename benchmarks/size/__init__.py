"""Seconds, memory and growth of the features up to 100,000 patients, against other programs."""
