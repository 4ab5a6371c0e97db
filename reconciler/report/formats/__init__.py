"""The formats: one module each, with a function for every report that has it.

Law: a function takes a report and a page and returns a text; it reads and decides nothing.
"""
