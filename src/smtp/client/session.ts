import type { ByteString } from "#bytes";
import { type LineWire, WireError } from "#net";
import { BodyEncoder } from "./body-encoder.ts";
import { envelopeLines, type MessageFacts } from "./envelope-lines.ts";
import { closingCode, type Extensions, readReply, type ServerReply } from "./reply.ts";

/** A message to send: its facts, and its bytes with LF line ends. `pieces` is called when the server waits for them, at most once a send. */
export type MessageBody = MessageFacts & { pieces(): AsyncIterable<Uint8Array> | Iterable<Uint8Array> };

/** One message and its envelope: unquoted addresses; the sender may be "". */
export type OutgoingMail = {
  readonly sender: ByteString;
  readonly recipients: readonly [ByteString, ...ByteString[]];
  readonly body: MessageBody;
};

/**
 * How a send ended. `recipients`: the server's reply to each RCPT, in order, as far as there were any. Codes below 400 count
 * as accepted, at DATA only 3xx, after the final dot only 2xx.
 */
export type SendResult = { readonly recipients: readonly ServerReply[] } & (
  | { readonly kind: "accepted"; readonly reply: ServerReply }
  | { readonly kind: "refused"; readonly at: "mail" | "data" | "message"; readonly reply: ServerReply }
  | { readonly kind: "no-recipients" }
  | { readonly kind: "needs-smtputf8" }
  | { readonly kind: "unreadable"; readonly error: unknown }
  | { readonly kind: "died"; readonly afterDot: boolean }
);

/** Commands sent ahead of their replies at most, so that neither side's buffers fill (RFC 2920 §3.1). */
const pipelineDepth = 100;
const firstRefusal = 400;

const isAccepted = (reply: ServerReply): boolean => reply.code < firstRefusal;
const goesAhead = (reply: ServerReply): boolean => reply.code >= 300 && reply.code < firstRefusal;
const isTaken = (reply: ServerReply): boolean => reply.code >= 200 && reply.code < 300;

/** The message could not be read: our side's trouble, told apart from the peer's. */
class Unreadable extends Error {}

/** What one send has come to, for the report when the connection breaks. */
type Progress = { readonly recipients: ServerReply[]; sentDot: boolean };

/** A conversation past EHLO that carries one message after another. Whoever holds it calls `quit` or `destroy`. */
export class SmtpSession {
  readonly extensions: Extensions;
  readonly isSecure: boolean;
  /** Messages tried on it. */
  sends = 0;
  readonly #wire: LineWire;
  /** A transaction was left half-way: RSET goes before the next. */
  #needsReset = false;
  /** The conversation cannot carry another message. */
  #isSpent = false;
  /** A 421, or noise where a reply was due: the reply to whatever is still asked (RFC 5321 §3.8). */
  #lastWord: ServerReply | null = null;

  constructor(wire: LineWire, extensions: Extensions, isSecure: boolean) {
    this.#wire = wire;
    this.extensions = extensions;
    this.isSecure = isSecure;
  }

  /** True if another message can be tried: nothing went wrong, the server is there and has said nothing unasked. */
  get isReusable(): boolean {
    const { socket, unreadBytes } = this.#wire;
    return !this.#isSpent && this.#lastWord === null && !socket.destroyed && !socket.readableEnded && unreadBytes === 0;
  }

  /** Ends politely; the answer to QUIT is not waited for (spec Q-180). */
  quit(): void {
    this.#isSpent = true;
    this.#wire.write("QUIT\r\n");
    void this.#wire.end();
  }

  /** Cuts the connection. */
  destroy(): void {
    this.#isSpent = true;
    this.#wire.socket.destroy();
  }

  /** Sends one message. Never throws for what the peer does. Afterwards `isReusable` tells whether the session may go on. */
  async send(mail: OutgoingMail): Promise<SendResult> {
    const progress: Progress = { recipients: [], sentDot: false };
    const { recipients } = progress;
    this.sends++;
    try {
      return await this.#transact(mail, progress);
    } catch (error) {
      this.destroy();
      if (error instanceof WireError) return { kind: "died", recipients, afterDot: progress.sentDot };
      if (error instanceof Unreadable) return { kind: "unreadable", recipients, error: error.cause };
      throw error;
    }
  }

  async #transact(mail: OutgoingMail, progress: Progress): Promise<SendResult> {
    const { recipients } = progress;
    const lines = envelopeLines(mail.sender, mail.recipients, mail.body, this.extensions);
    if (lines === null) return { kind: "needs-smtputf8", recipients };
    const reset = this.#needsReset ? ["RSET\r\n"] : [];
    this.#needsReset = true;
    const pipelined = this.extensions.has("PIPELINING");
    const opening = pipelined ? [...reset, lines.mail, ...lines.rcpts, "DATA\r\n"] : [...reset, lines.mail];
    const replies = await this.#ask(opening, (index, reply) => {
      const recipient = index - reset.length - 1;
      if (recipient >= 0 && recipient < lines.rcpts.length) recipients.push(reply);
    });
    const mailReply = replies[reset.length]!;
    if (!isAccepted(mailReply)) {
      if (pipelined) await this.#closeEmpty(replies.at(-1)!);
      return { kind: "refused", at: "mail", recipients: [], reply: mailReply };
    }
    if (!pipelined) await this.#ask(lines.rcpts, (_index, reply) => recipients.push(reply), 1);
    if (!recipients.some(isAccepted)) {
      if (pipelined) await this.#closeEmpty(replies.at(-1)!);
      return { kind: "no-recipients", recipients };
    }
    const dataReply = pipelined ? replies.at(-1)! : (await this.#ask(["DATA\r\n"]))[0]!;
    if (!goesAhead(dataReply)) return { kind: "refused", at: "data", recipients, reply: dataReply };
    await this.#sendBody(mail.body, progress);
    const reply = await this.#reply();
    if (!isTaken(reply)) return { kind: "refused", at: "message", recipients, reply };
    this.#needsReset = false;
    return { kind: "accepted", recipients, reply };
  }

  /** Sends commands, up to `depth` ahead of their replies. After a last word nothing more is sent. */
  async #ask(
    commands: readonly string[],
    heed: (index: number, reply: ServerReply) => void = () => {},
    depth = pipelineDepth,
  ): Promise<readonly ServerReply[]> {
    const replies: ServerReply[] = [];
    for (let next = 0; next < commands.length; next += depth) {
      const batch = commands.slice(next, next + depth);
      if (this.#lastWord === null) this.#wire.write(batch.join(""));
      for (const _command of batch) {
        const reply = this.#lastWord ?? (await this.#reply());
        heed(replies.length, reply);
        replies.push(reply);
      }
    }
    return replies;
  }

  async #reply(): Promise<ServerReply> {
    const reply = await readReply(this.#wire);
    if (reply.code === closingCode || reply.isGarbage) this.#lastWord = reply;
    return reply;
  }

  /** A server that wants DATA although it took no recipient gets an empty message, which it must refuse (RFC 2920 §3.1). */
  async #closeEmpty(dataReply: ServerReply): Promise<void> {
    if (!goesAhead(dataReply)) return;
    this.#isSpent = true;
    this.#wire.write(".\r\n");
    await this.#reply();
  }

  async #sendBody(body: MessageBody, progress: Progress): Promise<void> {
    const encoder = new BodyEncoder();
    const pieces = readable(body);
    let ahead = await pieces.next();
    // One piece is held back so that the last leaves in one write with the dot.
    while (!ahead.done) {
      const bytes = encoder.push(ahead.value);
      ahead = await pieces.next();
      this.#wire.write(bytes);
      if (!ahead.done) await this.#wire.flush();
    }
    progress.sentDot = true;
    this.#wire.write(encoder.end());
    await this.#wire.flush();
  }
}

async function* readable(body: MessageBody): AsyncGenerator<Uint8Array, undefined> {
  try {
    yield* body.pieces();
  } catch (cause) {
    throw new Unreadable("unable to read message", { cause });
  }
}
