"""What is read off a model: per query numpy arrays, and nothing of torch beyond them.

A new readout is a function that takes a model and queries and returns arrays with one row per query.
"""
