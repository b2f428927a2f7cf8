"""Logs in by what smtplib likes best and sends a message. Arguments: port, login, recipient, subject; the password on stdin."""
import smtplib
import sys

port, login, to, subject = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
password = sys.stdin.readline().rstrip("\n")
server = smtplib.SMTP("127.0.0.1", port)
server.ehlo("client.test")
server.login(login, password)
server.sendmail(login, [to], f"From: {login}\r\nTo: {to}\r\nSubject: {subject}\r\n\r\nhello\r\n")
server.quit()
