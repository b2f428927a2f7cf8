/**
 * A plain SMTP client for tests: it shares no code with Quail's own, so that a mistake there cannot cancel itself out. It sends
 * what it is told, in pieces of the size it is told.
 */
import { connect, type Socket } from "node:net";

/** Longest any answer may take, in milliseconds; a test that waits longer has failed. */
const replyLimitMs = 60_000;

/** A reply: its code and all its lines without code and line end. */
export type Reply = { readonly code: number; readonly lines: readonly string[] };

/** How a message's bytes are handed to the kernel: sizes of the pieces, asked for again and again. */
export type Cuts = () => number;

const wholeMessage: Cuts = () => Number.MAX_SAFE_INTEGER;

/** Wire form of DATA (RFC 5321 §4.5.2): LF becomes CRLF, a dot that begins a line is doubled, the final dot follows. */
export function dotted(message: Uint8Array): Buffer {
  const lines = Buffer.from(message.buffer, message.byteOffset, message.byteLength)
    .toString("latin1")
    .replace(/\n/g, "\r\n")
    .replace(/(^|\r\n)\./g, "$1..");
  const end = lines === "" || lines.endsWith("\r\n") ? "" : "\r\n";
  return Buffer.from(`${lines}${end}.\r\n`, "latin1");
}

/** Wire form of BDAT chunks (RFC 3030): LF becomes CRLF, nothing else. */
export function withCrlf(message: Uint8Array): Buffer {
  const text = Buffer.from(message.buffer, message.byteOffset, message.byteLength).toString("latin1");
  return Buffer.from(text.replace(/\n/g, "\r\n"), "latin1");
}

/** One connection. Replies come in order; whoever asks first gets the first. */
export class SmtpClient {
  readonly #socket: Socket;
  #text = "";
  #ended = false;
  #wake: (() => void) | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    const wake = (): void => this.#wake?.();
    socket.on("data", (bytes: Buffer) => {
      this.#text += bytes.toString("latin1");
      wake();
    });
    const end = (): void => {
      this.#ended = true;
      wake();
    };
    socket.on("end", end);
    socket.on("error", end);
    socket.on("close", end);
  }

  /** Connects to a loopback port and reads the greeting. Throws if nobody listens or the greeting is not 220. */
  static async open(port: number, host = "127.0.0.1"): Promise<SmtpClient> {
    const socket = connect(port, host);
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve();
      });
    });
    const client = new SmtpClient(socket);
    const greeting = await client.reply();
    if (greeting.code !== 220) throw new Error(`greeting: ${greeting.code} ${greeting.lines.join("/")}`);
    return client;
  }

  /** The next reply. Throws when the server hangs up before it is complete. */
  async reply(): Promise<Reply> {
    const deadline = Date.now() + replyLimitMs;
    const lines: string[] = [];
    for (;;) {
      const line = await this.#line(deadline);
      lines.push(line.slice(4));
      if (line[3] !== "-") return { code: Number(line.slice(0, 3)), lines };
    }
  }

  /** Sends one line and reads its reply. */
  async command(line: string): Promise<Reply> {
    await this.write(`${line}\r\n`);
    return this.reply();
  }

  /** Sends bytes in the given pieces, each in a packet of its own as far as the kernel lets us. Resolves when the kernel has them. */
  async write(content: Uint8Array | string, cuts: Cuts = wholeMessage): Promise<void> {
    const bytes = typeof content === "string" ? Buffer.from(content, "latin1") : content;
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + Math.max(1, cuts()));
      await this.#send(bytes.subarray(at, end));
      at = end;
    }
  }

  /** MAIL, RCPT for each, DATA, the message; resolves with the reply that decided (the first that is not 2xx or 3xx, else the last). */
  async send(from: string, to: readonly string[], message: Uint8Array, cuts: Cuts = wholeMessage): Promise<Reply> {
    for (const line of [`MAIL FROM:<${from}>`, ...to.map((address) => `RCPT TO:<${address}>`), "DATA"]) {
      const reply = await this.command(line);
      if (reply.code >= 400) return reply;
    }
    await this.write(dotted(message), cuts);
    return this.reply();
  }

  /** The same by BDAT with chunks of the given sizes; `dataCuts` is how each chunk is written. */
  async sendChunks(
    from: string,
    to: readonly string[],
    message: Uint8Array,
    chunkSizes: Cuts,
    dataCuts: Cuts = wholeMessage,
  ): Promise<Reply> {
    for (const line of [`MAIL FROM:<${from}>`, ...to.map((address) => `RCPT TO:<${address}>`)]) {
      const reply = await this.command(line);
      if (reply.code >= 400) return reply;
    }
    const bytes = withCrlf(message);
    for (let at = 0; ; ) {
      const end = Math.min(bytes.length, at + Math.max(1, chunkSizes()));
      const last = end === bytes.length;
      await this.write(`BDAT ${end - at}${last ? " LAST" : ""}\r\n`);
      await this.write(bytes.subarray(at, end), dataCuts);
      const reply = await this.reply();
      if (last || reply.code >= 400) return reply;
      at = end;
    }
  }

  /** Says QUIT, hears the answer if there is one, and hangs up. */
  async quit(): Promise<void> {
    await this.command("QUIT").catch(() => {}); // The server may be gone: we are leaving anyway.
    this.hangUp();
  }

  hangUp(): void {
    this.#socket.destroy();
  }

  #send(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
  }

  async #line(deadline: number): Promise<string> {
    for (;;) {
      const at = this.#text.indexOf("\r\n");
      if (at >= 0) {
        const line = this.#text.slice(0, at);
        this.#text = this.#text.slice(at + 2);
        return line;
      }
      if (this.#ended) throw new Error("the server hung up");
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`no reply within ${replyLimitMs / 1000} s`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          this.#wake = null;
          resolve();
        };
      });
    }
  }
}

/** One message in a connection of its own; resolves with the reply that decided. */
export async function sendOne(
  port: number,
  from: string,
  to: readonly string[],
  message: Uint8Array | string,
): Promise<Reply> {
  const client = await SmtpClient.open(port);
  try {
    await client.command("EHLO client.test");
    return await client.send(from, to, typeof message === "string" ? Buffer.from(message, "latin1") : message);
  } finally {
    await client.quit();
  }
}
