"""Measure, check, master, assemble, verify: exact to the sample, bounded in memory."""
