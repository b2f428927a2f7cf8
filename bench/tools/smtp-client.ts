/** A patient SMTP client for loopback, one connection, one question at a time. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";

const answerLimitMs = 30_000;

export type SmtpClient = {
  /** Sends a line and resolves with the whole reply; throws unless its code starts with `expected`. */
  ask(line: string, expected: string): Promise<string>;
  close(): void;
};

/** Lines until one that ends a reply (`250 `, `+OK`), as they come in. */
function replies(socket: Socket): () => Promise<string> {
  let text = "";
  const take = (): string | null => {
    const end = /^[0-9]{3} .*\r\n/m.exec(text);
    if (end === null) return null;
    const reply = text.slice(0, end.index + end[0].length);
    text = text.slice(reply.length);
    return reply;
  };
  socket.on("data", (bytes: Buffer) => {
    text += bytes.toString("latin1");
  });
  return async () => {
    for (let reply: string | null; ; ) {
      if ((reply = take()) !== null) return reply;
      await once(socket, "data", { signal: AbortSignal.timeout(answerLimitMs) });
    }
  };
}

/** Connects and waits for the greeting. */
export async function openSmtp(port: number): Promise<SmtpClient> {
  const socket = connect(port, "127.0.0.1");
  socket.setNoDelay(true);
  socket.on("error", () => {}); // Whoever waits for an answer hears of it.
  const next = replies(socket);
  const expect = async (what: string, expected: string): Promise<string> => {
    const reply = await next();
    if (!reply.startsWith(expected)) throw new Error(`${what}: ${reply.trim()}`);
    return reply;
  };
  await expect("greeting", "220");
  return {
    async ask(line, expected) {
      socket.write(`${line}\r\n`, "latin1");
      return expect(line.slice(0, 40), expected);
    },
    close: () => socket.destroy(),
  };
}
