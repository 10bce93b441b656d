"""What a client may raise. Every message is fit for a user and says what to do.

ClientError
+-- CannotConnect      nobody listens there, or they do not let us in
|   +-- Refused        they do not let us in, and say why
+-- CallEnded          the server ended the call, or the line broke
+-- ServerError        the server answered with an `error` event
+-- NoSound            no microphone or loudspeaker, or the library for them is missing
+-- UnreadableAudio    a file is no audio that we can read
+-- ServerDied         a server that we started ended before it was ready
"""

from __future__ import annotations


class ClientError(Exception):
    """Root of what clients raise."""


class CannotConnect(ClientError):
    """No call could be opened."""


class Refused(CannotConnect):
    """The server answered, and did not let us in; `answer` is the HTTP status."""

    def __init__(self, message: str, answer: int) -> None:
        super().__init__(message)
        self.answer = answer


class CallEnded(ClientError):
    """The call is over, and something was still wanted of it."""


class ServerError(ClientError):
    """The server could not do what was asked; `code` is its short name for why."""

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class NoSound(ClientError):
    """This machine cannot record or play."""


class UnreadableAudio(ClientError):
    """The file cannot be decoded."""


class ServerDied(ClientError):
    """Our own server did not come up; `status` is its exit status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status
