"""The stages of an experiment, each a function from the store to the store: prepare, train, sample, analyze, judge."""
