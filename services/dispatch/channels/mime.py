"""A mail as bytes."""

from __future__ import annotations

from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from libs.trace import is_sampled, trace_id
from services.dispatch.domain.models import Mail

# Seven bits: not every server says 8BITMIME.
_POLICY = SMTP.clone(cte_type="7bit")


def message_id(delivery_id: object, sender: str) -> str:
    """Returns a Message-ID that is the same for every attempt, so that a mailbox can drop a repeat."""
    domain = parseaddr(sender)[1].rpartition("@")[2]
    return f"<{delivery_id}@{domain}>"


def build(mail: Mail, *, sender: str, date: datetime) -> bytes:
    """Returns the mail in Internet Message Format (RFC 5322); ValueError when a header cannot be."""
    message = EmailMessage(policy=_POLICY)
    message["From"] = sender
    message["To"] = mail.recipient
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(date)
    message["Message-ID"] = mail.message_id
    # RFC 3834: no vacation notices in answer.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Tidings-Notification"] = str(mail.notification_id)
    message["X-Tidings-Delivery"] = str(mail.delivery_id)
    if is_sampled(mail.traceparent):
        # Nobody goes on with the trace from here, so its id is enough; one that was not kept leads nowhere.
        message["Tidings-Trace"] = trace_id(mail.traceparent)
    message.set_content(mail.text)
    if mail.html:
        message.add_alternative(mail.html, subtype="html")
    return message.as_bytes()
