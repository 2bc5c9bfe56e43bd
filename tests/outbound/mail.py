"""A mail server that takes everything, or nothing: as much SMTP as sending needs."""

from __future__ import annotations

import socketserver
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any


class MailServer(socketserver.ThreadingTCPServer):
    """Listens on this machine; a test looks at what came, or has it refuse or break off.

    Attributes:
        verdict: what it says to a mail; empty to break off, so that nobody can know.
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.verdict = "250 taken"
        self.thread = threading.Thread(target=self.serve_forever, args=(0.02,))

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def stop(self) -> None:
        self.shutdown()
        self.thread.join(timeout=10)
        self.server_close()


class _Conversation(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.say("220 here")
        for line in self.rfile:
            words = line.decode().strip()
            if words.upper().startswith("RCPT TO:"):
                self.server.recipients.append(words[8:].strip("<> "))
            if words.upper() == "DATA":
                self.say("354 go on")
                found: Any = message_from_bytes(self.whole_mail(), policy=policy.default)
                self.server.mails.append(found)
                if not self.server.verdict:
                    return
                self.say(self.server.verdict)
            else:
                self.say("221 bye" if words.upper() == "QUIT" else "250 fine")

    def whole_mail(self) -> bytes:
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                break
            lines.append(line)
        return b"".join(lines)

    def say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())
