import type { Socket } from "node:net";
import { netstring, readNetstring, toBytes } from "#bytes";
import { type Address, letterOfFate, parseAddress } from "#mail";
import { parseReversePath } from "./door-protocol.ts";
import type { DoorHouse } from "./door-server.ts";

/** A classic QMQP package is held in memory; whoever sends more uses our dialect, qmail-queue or SMTP. */
const maxPackageBytes = 64 * 1024 * 1024;
const timeoutMs = 3_600_000;

/** Serves one classic QMQP package (spec 2.17): netstring of message, sender and recipients; one answer; then the end. */
export function serveQmqp(socket: Socket, early: Buffer, house: DoorHouse): void {
  const chunks = [early];
  let have = early.length;
  let want = 0;
  socket.setTimeout(timeoutMs, () => socket.destroy());
  const onData = (chunk: Buffer): void => {
    chunks.push(chunk);
    have += chunk.length;
    if (have >= want) look();
  };
  const look = (): void => {
    const bytes = Buffer.concat(chunks.splice(0));
    chunks.push(bytes);
    const whole = readNetstring(bytes, 0, maxPackageBytes);
    if (whole === null) return void socket.destroy();
    // Look again only when as much as the length announces can be here: the digits say how much that is.
    if (whole === "short") want = Number(/^[0-9]{1,9}(?=:)/.exec(bytes.toString("latin1", 0, 10))?.[0] ?? 0) + 3;
    else {
      socket.off("data", onData);
      accept(socket, whole.bytes, house);
    }
  };
  socket.on("data", onData);
  look();
}

function accept(socket: Socket, content: Buffer, house: DoorHouse): void {
  const parts: Buffer[] = [];
  for (let at = 0; at < content.length; ) {
    const part = readNetstring(content, at, content.length);
    if (part === null || part === "short") return void socket.destroy();
    parts.push(part.bytes);
    at = part.next;
  }
  const [message, from, ...to] = parts;
  if (message === undefined || from === undefined) return void socket.destroy();
  const sender = parseReversePath(from.toString("latin1"));
  const recipients = to.map((bytes) => parseAddress(bytes.toString("latin1")));
  if (sender === null || recipients.includes(null) || to.length === 0) {
    socket.end(netstring("Dsorry, I can't accept addresses like that (#5.1.3)"));
    return;
  }
  const incoming = house.begin({ origin: { invoker: "network", uid: 0 }, sender, recipients: recipients as Address[] });
  incoming.write(message);
  incoming.end().then(
    (said) => {
      const text = said.fate === "done" ? `ok ${Math.floor(Date.now() / 1000)} qp ${said.queueId}` : said.text;
      socket.end(netstring(toBytes(`${letterOfFate[said.fate]}${text}`)));
    },
    () => socket.destroy(),
  );
}
