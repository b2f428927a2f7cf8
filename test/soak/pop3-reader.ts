/** A POP3 client (RFC 1939) that takes all there is, up to a number, and deletes it. */
import { connect, type Socket } from "node:net";

const atMost = 500;
const limitMs = 30_000;

/** Reads replies in order. */
class Replies {
  #text = "";
  #wake: (() => void) | null = null;
  #ended = false;

  constructor(socket: Socket) {
    const wake = (): void => this.#wake?.();
    socket.on("data", (bytes: Buffer) => {
      this.#text += bytes.toString("latin1");
      wake();
    });
    for (const event of ["end", "error", "close"])
      socket.on(event, () => {
        this.#ended = true;
        wake();
      });
  }

  async until(end: string): Promise<string> {
    for (;;) {
      const at = this.#text.indexOf(end);
      if (at >= 0) {
        const text = this.#text.slice(0, at);
        this.#text = this.#text.slice(at + end.length);
        return text;
      }
      if (this.#ended) throw new Error("the server hung up");
      await new Promise<void>((go) => {
        this.#wake = go;
      });
    }
  }
}

/** Reads and deletes what is in a mailbox; how many messages. Throws what goes wrong; nothing is deleted then. */
export async function readByPop3(
  port: number,
  user: string,
  password: string,
  see: (text: string) => void,
): Promise<number> {
  const socket = connect(port, "127.0.0.1");
  const timer = setTimeout(() => socket.destroy(), limitMs);
  const replies = new Replies(socket);
  const say = async (line: string): Promise<string> => {
    socket.write(`${line}\r\n`);
    const reply = await replies.until("\r\n");
    if (!reply.startsWith("+OK")) throw new Error(`${line.split(" ")[0]}: ${reply}`);
    return reply;
  };
  try {
    await replies.until("\r\n");
    await say(`USER ${user}`);
    await say(`PASS ${password}`);
    const count = Math.min(atMost, Number((await say("STAT")).split(" ")[1]));
    for (let n = 1; n <= count; n++) {
      await say(`RETR ${n}`);
      see(await replies.until("\r\n.\r\n"));
      await say(`DELE ${n}`);
    }
    await say("QUIT");
    return count;
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}
