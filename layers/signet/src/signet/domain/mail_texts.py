"""The mails that Signet ships: what each says, in English and German."""

from typing import NamedTuple

from signet.domain.mails import MailKind, MailPart

DEFAULT = "en"


class Wording(NamedTuple):
    """What a mail says; `$` names its values (`signet.domain.mails.values`).

    Attributes:
        subject: Its subject.
        why: What it is about.
        button: What the link is called; None where there is none.
        end: What to do about it, and if it is none of the reader's business.
    """

    subject: str
    why: str
    button: str | None
    end: str


class Frame(NamedTuple):
    """What all mails of a language have."""

    link: str
    closing: str


FRAMES = {
    "en": Frame(
        "If the button does not work, open this address:",
        "This mail went to $email, since somebody gave this address at $application. "
        "Nobody reads answers to it.",
    ),
    "de": Frame(
        "Falls der Knopf nicht geht, öffnen Sie diese Adresse:",
        "Diese E-Mail ging an $email, weil jemand diese Adresse bei $application "
        "angegeben hat. Antworten darauf liest niemand.",
    ),
}

WORDINGS: dict[MailKind, dict[str, Wording]] = {
    MailKind.VERIFY_EMAIL: {
        "en": Wording(
            "$application: confirm your e-mail address",
            "Confirm that this address is yours. You will be asked for the password that you chose.",
            "Confirm the address",
            "The link works once, within $hours hours. If you have not signed up, do "
            "nothing: without you the address is not confirmed.",
        ),
        "de": Wording(
            "$application: Bestätigen Sie Ihre E-Mail-Adresse",
            "Bestätigen Sie, dass diese Adresse Ihre ist. Sie werden nach dem Passwort "
            "gefragt, das Sie gewählt haben.",
            "Adresse bestätigen",
            "Der Link gilt einmal, innerhalb von $hours Stunden. Falls Sie sich nicht "
            "angemeldet haben, tun Sie nichts: Ohne Sie wird die Adresse nicht bestätigt.",
        ),
    },
    MailKind.RESET_PASSWORD: {
        "en": Wording(
            "$application: set a new password",
            "Somebody asked for a new password for your account.",
            "Set a new password",
            "The link works once, within $minutes minutes. If it was not you, do nothing: "
            "your password stays.",
        ),
        "de": Wording(
            "$application: Neues Passwort setzen",
            "Jemand hat ein neues Passwort für Ihr Konto verlangt.",
            "Neues Passwort setzen",
            "Der Link gilt einmal, innerhalb von $minutes Minuten. Falls Sie es nicht "
            "waren, tun Sie nichts: Ihr Passwort bleibt.",
        ),
    },
    MailKind.LOG_IN: {
        "en": Wording(
            "$application: your link to log in",
            "Here is the link to log in that was asked for.",
            "Log in",
            "It works once, within $minutes minutes; pass it on to nobody. If it was not "
            "you who asked, do nothing.",
        ),
        "de": Wording(
            "$application: Ihr Link zum Anmelden",
            "Hier ist der Link zum Anmelden, der verlangt wurde.",
            "Anmelden",
            "Er gilt einmal, innerhalb von $minutes Minuten; geben Sie ihn niemandem "
            "weiter. Falls Sie es nicht waren, tun Sie nichts.",
        ),
    },
    MailKind.CHANGE_EMAIL: {
        "en": Wording(
            "$application: confirm your new e-mail address",
            "Confirm that this is to be the address of your account from now on.",
            "Confirm the address",
            "The link works once, within $hours hours. If you have asked for nothing, do "
            "nothing: then nothing changes.",
        ),
        "de": Wording(
            "$application: Bestätigen Sie Ihre neue E-Mail-Adresse",
            "Bestätigen Sie, dass dies von nun an die Adresse Ihres Kontos sein soll.",
            "Adresse bestätigen",
            "Der Link gilt einmal, innerhalb von $hours Stunden. Falls Sie nichts "
            "verlangt haben, tun Sie nichts: Dann ändert sich nichts.",
        ),
    },
    MailKind.EMAIL_CHANGES: {
        "en": Wording(
            "$application: your account is about to get another e-mail address",
            "Somebody who knows your password asked that your account get another e-mail "
            "address. It does as soon as that address is confirmed.",
            None,
            "If it was not you, set a new password now: that ends it, and logs everybody out.",
        ),
        "de": Wording(
            "$application: Ihr Konto soll eine andere E-Mail-Adresse bekommen",
            "Jemand, der Ihr Passwort kennt, hat verlangt, dass Ihr Konto eine andere "
            "E-Mail-Adresse bekommt. Das geschieht, sobald jene Adresse bestätigt ist.",
            None,
            "Falls Sie es nicht waren, setzen Sie jetzt ein neues Passwort: Damit ist es "
            "vorbei, und alle sind abgemeldet.",
        ),
    },
    MailKind.ALREADY_SIGNED_UP: {
        "en": Wording(
            "$application: you have an account already",
            "Somebody wanted to sign up with this address. It has an account already, and "
            "nothing has changed.",
            None,
            "If it was you, log in; if you do not know your password any more, ask for a "
            "new one there. If it was not you, do nothing.",
        ),
        "de": Wording(
            "$application: Sie haben schon ein Konto",
            "Jemand wollte mit dieser Adresse ein Konto anlegen. Sie hat schon eines, und "
            "nichts hat sich geändert.",
            None,
            "Falls Sie es waren, melden Sie sich an; wissen Sie Ihr Passwort nicht mehr, "
            "verlangen Sie dort ein neues. Falls Sie es nicht waren, tun Sie nichts.",
        ),
    },
}

# No colour but the button's: whether paper is dark or light is the reader's program's to say. What stands in
# `style` is what programs keep that know no style sheet.
_PAGE = """\
<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{subject}</title>
<style>:root {{ color-scheme: light dark; supported-color-schemes: light dark; }}</style>
</head>
<body style="margin: 0; padding: 24px 16px; font: 16px/1.5 system-ui, sans-serif">
<div style="max-width: 34em; margin: 0 auto">
<p style="margin: 0 0 24px; font-size: 18px; font-weight: bold">$application</p>
<p style="margin: 0 0 24px">{why}</p>
{link}<p style="margin: 0 0 24px">{end}</p>
<p style="margin: 0; padding-top: 16px; border-top: 1px solid #808080; font-size: 14px">{closing}</p>
</div>
</body>
</html>
"""
_BUTTON = """\
<p style="margin: 0 0 24px"><a href="$link" style="display: inline-block; padding: 12px 20px; \
border-radius: 6px; background: #1a56db; color: #ffffff; font-weight: bold; \
text-decoration: none">{button}</a></p>
"""
_LINK = """\
<p style="margin: 0 0 24px; font-size: 14px">{says}<br>
<a href="$link" style="color: inherit; word-break: break-all">$link</a></p>
"""


def shipped(kind: MailKind, language: str) -> dict[MailPart, str]:
    """The templates of a mail, in a language or in what comes nearest to it."""
    known = next((tag for tag in (language, language.partition("-")[0]) if tag in FRAMES), DEFAULT)
    wording, frame = WORDINGS[kind][known], FRAMES[known]
    lines = [wording.why, *([] if wording.button is None else ["$link"]), wording.end, frame.closing]
    link = ""
    if wording.button is not None:
        link = _BUTTON.format(button=wording.button) + _LINK.format(says=frame.link)
    page = _PAGE.format(
        language=known,
        subject=wording.subject,
        why=wording.why,
        link=link,
        end=wording.end,
        closing=frame.closing,
    )
    text = "\n\n".join(lines) + "\n"
    return {MailPart.SUBJECT: wording.subject, MailPart.TEXT: text, MailPart.PAGE: page}
