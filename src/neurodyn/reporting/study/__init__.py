"""The page about a study: many runs of several models, beside what was published."""
