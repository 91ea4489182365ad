"""Reads a SAM template for the local mode: what runs, under which names, with which environment and routes.

Only what such an application needs is understood, in the meaning CloudFormation and SAM give it. Everything else is
refused by name, so that the local application never silently differs from the deployed one. Resources and
properties which have no meaning on one machine (roles, log groups, the CDN, alarms) are left out; `reader` lists them.

Sources: "Intrinsic function reference" of CloudFormation, "AWS SAM resources and properties".
"""
