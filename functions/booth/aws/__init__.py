"""The AWS services: clients with our timeouts, AWS's errors as ours, one module per service or resource.

Only `sam`, for masks, imports numpy and Pillow.
"""
