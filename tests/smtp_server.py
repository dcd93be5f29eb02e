"""A small SMTP server on a free port of this machine, with answers that a test can choose."""

import re
import socketserver
import threading
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Delivery:
    """An accepted message with its envelope."""

    sender: str
    recipients: list[str]
    content: bytes = b""


@dataclass
class SmtpServer:
    """The server. `answers` maps a command, such as RCPT or END for the end of the message, to another answer."""

    answers: dict[str, str] = field(default_factory=dict)
    deliveries: list[Delivery] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    def __enter__(self) -> "SmtpServer":
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.smtp = self  # type: ignore[attr-defined]
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def settings(self) -> dict[str, Any]:
        """Return the Django settings with which email goes to this server."""
        return {
            "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "EMAIL_HOST": "127.0.0.1",
            "EMAIL_PORT": self.port,
            "EMAIL_TIMEOUT": 5,
        }


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        smtp: SmtpServer = self.server.smtp  # type: ignore[attr-defined]
        delivery = Delivery("", [])
        self._answer(smtp, "CONNECT", "220 ready")
        while line := self.rfile.readline():
            command = line.decode().strip()
            verb = command[:4].upper()
            smtp.commands.append(verb)
            if verb == "MAIL":
                delivery = Delivery(_address(command), [])
            if verb == "RCPT" and verb not in smtp.answers:
                delivery.recipients.append(_address(command))
            is_accepted = self._answer(smtp, verb, {"DATA": "354 go on", "QUIT": "221 bye"}.get(verb, "250 ok"))
            if verb == "DATA" and is_accepted:
                delivery.content = self._read_content()
                if self._answer(smtp, "END", "250 stored"):
                    smtp.deliveries.append(delivery)
            if verb == "QUIT":
                return

    def _answer(self, smtp: SmtpServer, verb: str, default: str) -> bool:
        """Send the answer and return whether it is positive."""
        answer = smtp.answers.get(verb, default)
        self.wfile.write(answer.encode() + b"\r\n")
        return answer[0] in "23"

    def _read_content(self) -> bytes:
        lines = iter(self.rfile.readline, b".\r\n")
        return b"".join(line.removeprefix(b".") if line.startswith(b"..") else line for line in lines)


def _address(command: str) -> str:
    found = re.search(r"<([^>]*)>", command)
    return found[1] if found else ""
