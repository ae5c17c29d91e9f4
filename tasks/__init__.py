"""Prefect tasks: a name, retries and artifacts around one call of the core each.

Nothing is cached by Prefect: the store knows what is done, by content.
"""
