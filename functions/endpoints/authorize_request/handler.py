"""The Lambda authorizer, payload format 2.0: lets users in to an application's own routes.

docs/api.md, section 8.
"""

from signet.authorizer import authorizer

lambda_handler = authorizer("authorize_request")
