"""The NACHA file format: one module per record kind, the file around them, and its validator.

Consumes: values of integer cents, texts and dates.
Produces: files of 94-column records, and values read back from them.
Owns: no state; every function here is pure.
"""
