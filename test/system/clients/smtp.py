"""Python's smtplib, and a socket by hand, against a Quail: smtp.py HOW PORT. Prints the last reply; exits 1 with a reason."""

import smtplib
import socket
import sys
from email.message import EmailMessage

how, port = sys.argv[1], int(sys.argv[2])


def message(subject: str) -> EmailMessage:
    made = EmailMessage()
    made["From"] = "python@client.test"
    made["To"] = "you@localhost"
    made["Subject"] = subject
    made.set_content("first line\n.\n..two dots\nlast line\n")
    return made


def plain() -> None:
    with smtplib.SMTP("127.0.0.1", port, local_hostname="client.test", timeout=30) as server:
        refused = server.sendmail("python@client.test", ["you@localhost"], message("plain").as_string())
        assert refused == {}, refused
        code, text = server.mail("python@client.test")
        assert code == 250, text
        server.rcpt("you@localhost")
        code, text = server.data(b"Subject: second on one connection\r\n\r\nbody\r\n")
        print(code, text.decode())


def utf8() -> None:
    made = message("gr\u00fc\u00dfe")
    del made["To"]
    made["To"] = "you-j\u00f6rg@localhost"
    with smtplib.SMTP("127.0.0.1", port, local_hostname="client.test", timeout=30) as server:
        server.ehlo()
        assert server.has_extn("smtputf8"), server.esmtp_features
        refused = server.send_message(made, "s\u00e9nder@client.test", ["you-j\u00f6rg@localhost"])
        print(250 if refused == {} else refused)


class Wire:
    def __init__(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.file = self.socket.makefile("rb")

    def reply(self) -> str:
        while True:
            line = self.file.readline().decode("latin-1")
            if not line:
                raise SystemExit("the server hung up")
            if line[3:4] != "-":
                return line.rstrip("\r\n")

    def expect(self, *codes: int) -> str:
        for code in codes:
            last = self.reply()
            if not last.startswith(str(code)):
                raise SystemExit(f"wanted {code}, got: {last}")
        return last


def pipelined() -> None:
    """Everything up to DATA in one packet, twice; the body and QUIT in one packet as well (RFC 2920)."""
    wire = Wire()
    wire.expect(220)
    wire.socket.sendall(
        b"EHLO client.test\r\nMAIL FROM:<python@client.test>\r\nRCPT TO:<nobody@elsewhere.test>\r\n"
        b"RCPT TO:<you@localhost>\r\nDATA\r\n"
    )
    wire.expect(250, 250, 553, 250, 354)
    wire.socket.sendall(
        b"Subject: pipelined 1\r\n\r\nbody\r\n.\r\n"
        b"MAIL FROM:<python@client.test>\r\nRCPT TO:<you@localhost>\r\nDATA\r\n"
    )
    wire.expect(250, 250, 250, 354)
    wire.socket.sendall(b"Subject: pipelined 2\r\n\r\nbody\r\n.\r\nQUIT\r\n")
    wire.expect(250, 221)
    print(250)


def bdat() -> None:
    """Chunks that cut lines, CRLF pairs and dots anywhere; commands and chunks pipelined (RFC 3030)."""
    wire = Wire()
    wire.expect(220)
    content = b"Subject: in chunks\r\n\r\n.\r\n..\r\nlast line without end"
    chunks = [content[:19], content[19:20], content[20:23], b"", content[23:]]
    sent = b"EHLO client.test\r\nMAIL FROM:<python@client.test> BODY=8BITMIME\r\nRCPT TO:<you@localhost>\r\n"
    for number, chunk in enumerate(chunks):
        last = b" LAST" if number == len(chunks) - 1 else b""
        sent += b"BDAT %d%s\r\n%s" % (len(chunk), last, chunk)
    wire.socket.sendall(sent)
    print(wire.expect(250, 250, 250, *[250 for _ in chunks]))


{"plain": plain, "utf8": utf8, "pipelined": pipelined, "bdat": bdat}[how]()
