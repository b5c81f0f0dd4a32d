"""The wire: every topic, message, identifier and published schema that programs share.

Consumes: nothing; the package imports no service and touches no broker, clock or file.
Produces: the JSON Schemas and the AsyncAPI document under ``schemas/published``.
Owns: topic names, message models, refusal reasons, the policy document and how money is split.
"""
