"""Screens that lie over the panes: details, forms, questions."""
