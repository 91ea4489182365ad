"""S3 as strict as AWS's, in front of moto's: who may call, what a presigned URL binds, CORS, and the event.

moto stores objects and versions well but accepts every signature, answers CORS without a rule and words its
EventBridge event unlike AWS. A client that works against this front works against S3 in these respects.

Path-style addresses only. Object uploads by POST forms are refused, as nothing here uses them. Signatures in the
Authorization header are not recomputed: their key must be known, which is enough for boto3's own clients.
Identity-based policies decide (local/iam.py), also what a missing key is answered with; bucket policies do not.

Sources: "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)", "Error Responses", "Cross-
origin resource sharing" and "Amazon EventBridge event message structure" of the S3 documentation.
"""
