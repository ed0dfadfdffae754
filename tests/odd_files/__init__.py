"""Files that nobody would write on purpose: made, run through the verbs, and judged."""
