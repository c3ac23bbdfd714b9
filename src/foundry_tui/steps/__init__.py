"""One file a step, each reading like the recipe it is, and the recipes that put them in order."""
