"""The model report: one champion, judged."""
