"""Python's own POP3 client: prints what it finds; deletes the messages whose subject is given."""
import poplib
import sys

port, user, password, subject = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
box = poplib.POP3("127.0.0.1", port, timeout=30)
print("capabilities", " ".join(sorted(box.capa())))
box.user(user)
box.pass_(password)
count, size = box.stat()
print("stat", count, len(box.list()[1]), len(box.uidl()[1]))
for number in range(1, count + 1):
    top = [line.decode() for line in box.top(number, 0)[1]]
    if f"Subject: {subject}" in top:
        body = b"\n".join(box.retr(number)[1])
        print("body", body.decode().split("\n\n", 1)[1].replace("\n", "|"))
        box.dele(number)
box.quit()
