"""Speech rules: what is said instead of what is printed, one file a language, every rule named and switchable."""
