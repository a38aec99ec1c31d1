"""The Lambda authorizer, payload format 2.0: lets users in to an application's own routes.

docs/api.md, section 8.
"""

from signet.edge.authorizer import authorizer

lambda_handler = authorizer("authorize_request")
