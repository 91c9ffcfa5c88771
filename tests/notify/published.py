"""What the services say they take, as JSON Schemas: of their formats the parts that we send, with their limits and nothing else allowed.

Written after the pages named beside each; read there before changing anything here.
"""

from __future__ import annotations

from typing import Any

__all__ = ["PAGERDUTY", "SLACK", "TEAMS"]


def _object(required: str, optional: str = "", **properties: Any) -> dict[str, Any]:
    assert set(properties) == set(required.split()) | set(optional.split())
    return {"type": "object", "properties": properties, "required": required.split(), "additionalProperties": False}


def _text(most: int, least: int = 1, **more: Any) -> dict[str, Any]:
    return {"type": "string", "minLength": least, "maxLength": most, **more}


def _is(value: Any) -> dict[str, Any]:
    return {"const": value}


# https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks (text, attachments, blocks)
# https://docs.slack.dev/reference/methods/chat.postMessage (text: at most 40,000 characters, 4,000 are recommended; channel, username)
# https://docs.slack.dev/reference/messaging/attachments (color, fallback, blocks)
# https://docs.slack.dev/reference/block-kit/blocks/section-block (text: 1 to 3,000 characters); at most 50 blocks in a message
SLACK = _object(
    "text attachments",
    "channel username unfurl_links unfurl_media",
    text=_text(4000),
    channel=_text(80),
    username=_text(80),
    unfurl_links={"type": "boolean"},
    unfurl_media={"type": "boolean"},
    attachments={
        "type": "array",
        "minItems": 1,
        "maxItems": 20,
        "items": _object(
            "color fallback blocks",
            color={"type": "string", "pattern": "^#[0-9a-f]{6}$"},
            fallback=_text(4000),
            blocks={
                "type": "array",
                "minItems": 1,
                "maxItems": 50,
                "items": _object(
                    "type text", type=_is("section"), text=_object("type text", type=_is("mrkdwn"), text=_text(3000))
                ),
            },
        ),
    },
)

# https://developer.pagerduty.com/docs/send-alert-event and, of the answer and the limits, .../events-api-v2-overview (512 kB)
PAGERDUTY: dict[str, Any] = {
    "oneOf": [
        _object(
            "routing_key event_action payload",
            "dedup_key client client_url links",
            routing_key=_text(32, 8),
            event_action=_is("trigger"),
            dedup_key=_text(255),
            client={"type": "string"},
            client_url={"type": "string", "format": "uri"},
            links={"type": "array", "items": _object("href text", href={"type": "string"}, text={"type": "string"})},
            payload=_object(
                "summary source severity",
                "component group custom_details",
                summary=_text(1024),
                source=_text(255),
                severity={"enum": ["critical", "error", "warning", "info"]},
                component={"type": "string"},
                group={"type": "string"},
                custom_details={"type": "object"},
            ),
        ),
        _object(
            "routing_key event_action dedup_key", routing_key=_text(32, 8), event_action=_is("resolve"), dedup_key=_text(255)
        ),
    ]
}

# https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using (message, attachments; 28 kB)
# https://adaptivecards.io/schemas/1.4.0/adaptive-card.json (AdaptiveCard, TextBlock, Action.OpenUrl)
# https://learn.microsoft.com/en-us/microsoftteams/platform/task-modules-and-cards/cards/cards-format (msteams: entities, width)
_TEXT_BLOCK = _object(
    "type text",
    "wrap size weight color",
    type=_is("TextBlock"),
    text={"type": "string"},
    wrap={"type": "boolean"},
    size={"enum": ["Default", "Small", "Medium", "Large", "ExtraLarge"]},
    weight={"enum": ["Default", "Lighter", "Bolder"]},
    color={"enum": ["Default", "Dark", "Light", "Accent", "Good", "Warning", "Attention"]},
)
_MENTION = _object(
    "type text mentioned", type=_is("mention"), text=_text(1000), mentioned=_object("id name", id=_text(500), name=_text(500))
)
TEAMS = _object(
    "type attachments",
    type=_is("message"),
    attachments={
        "type": "array",
        "minItems": 1,
        "maxItems": 1,
        "items": _object(
            "contentType content",
            "contentUrl",
            contentType=_is("application/vnd.microsoft.card.adaptive"),
            contentUrl={"type": "null"},
            content={
                **_object(
                    "type version body",
                    "schema actions msteams",
                    schema={},
                    type=_is("AdaptiveCard"),
                    version={"enum": ["1.0", "1.1", "1.2", "1.3", "1.4"]},
                    body={"type": "array", "minItems": 1, "items": _TEXT_BLOCK},
                    actions={
                        "type": "array",
                        "items": _object(
                            "type title url",
                            type=_is("Action.OpenUrl"),
                            title=_text(100),
                            url={"type": "string", "format": "uri"},
                        ),
                    },
                    msteams=_object("width", "entities", width=_is("Full"), entities={"type": "array", "items": _MENTION}),
                ),
                "patternProperties": {r"^\$schema$": _is("http://adaptivecards.io/schemas/adaptive-card.json")},
            },
        ),
    },
)
