"""Where finished audiobooks go."""
