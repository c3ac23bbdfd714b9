"""The four panes: Catalog, Narrators, Queue, Events."""
