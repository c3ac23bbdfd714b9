"""What the actions of the registry do, one file a scope. ``router.do`` is where a key ends up."""
