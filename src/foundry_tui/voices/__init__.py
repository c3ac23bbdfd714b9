"""One file an engine, all behind one protocol."""
