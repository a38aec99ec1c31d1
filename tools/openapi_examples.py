"""What answers look like, for the examples of `openapi.yaml`: as operations give them, before any dialect.

A contract test holds each against the schema of its answer. Of a token only the beginning is there.
"""

from collections.abc import Mapping
from typing import Any

from local.docs import EXAMPLE_APPLICATION as APPLICATION_ID

USER_ID = "6a1f0c2b9d3e4f50617283a5"
GROUP_ID = "6a1f0c2b9d3e4f50617283b6"
TOKEN = "eyJhbGciOiJFUzI1NiIsImtpZCI6I…"  # noqa: S105 - the beginning of every one
DATE = "2026-11-20T10:00:00.000Z"

USER = {
    "id": USER_ID,
    "experienceUserId": USER_ID,
    "applicationId": APPLICATION_ID,
    "creationDate": DATE,
    "lastUpdated": DATE,
    "passwordLastUpdated": DATE,
    "lastLogin": None,
    "email": "ann@example.com",
    "emailVerified": True,
    "firstName": "Ann",
    "lastName": "Lee",
    "avatarUrl": None,
    "tokenCutoff": None,
    "userTags": {"plan": "free"},
    "experienceGroups": [{"id": GROUP_ID, "name": "Editors", "parentId": None}],
}
PERMISSION = {
    "type": "document",
    "id": "d1",
    "organizationId": "org1",
    "accessRole": "editor",
    "expiresAt": 4102444800,
}

ANSWERS: Mapping[str, Any] = {
    "issue_identity_token": {"token": TOKEN},
    "issue_user_token": {"token": TOKEN},
    "issue_session_token": {"token": TOKEN},
    "identify": {
        "user": {"userId": "u1", "organizationId": "org1", "name": "Ann", "isAdmin": False},
        "verified": True,
        "verifiedFields": ["userId", "organizationId"],
    },
    "add_permissions": {"permissions": {"resources": [PERMISSION]}},
    "get_permissions": {
        "u1": {
            "documents": {"d1": {"accessRole": "editor", "expiresAt": 4102444800}},
            "organization": {
                "org1": {
                    "error": "User does not have access to organization",
                    "errorCode": "permission_denied",
                    "accessType": "restricted",
                }
            },
        }
    },
    "create_user": USER,
    "get_user": USER,
    "update_user": USER,
    "log_in": {"token": TOKEN, "user": USER},
    "authenticate": {"authenticated": True, "user": USER},
    "show_me": {
        "user": USER,
        "authInfo": {"issuedAt": DATE, "expiresAt": None, "extraData": {"cart": 7}},
    },
    "introspect_token": {
        "active": True,
        "iss": "https://id.example.com",
        "aud": f"{APPLICATION_ID}/session",
        "sub": USER_ID,
        "iat": 1795168800,
        "jti": "yYvW3mZb0kqk7mJrT5rC5Q",
        "gen": 0,
        "agen": 0,
    },
    "revoke_token": {},
}
"""By operation: at least one of each dialect."""
