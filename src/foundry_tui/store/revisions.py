"""Which schemas this Foundry knows. Read at every start, so it needs nothing: a test holds it to the scripts."""

KNOWN = ("0001", "0002")
HEAD = KNOWN[-1]
