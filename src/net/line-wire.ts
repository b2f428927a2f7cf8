import type { Duplex } from "node:stream";

/** How a conversation can break: the peer fell silent, hung up, sent a line that is too long, or the link failed. */
export type WireErrorKind = "timeout" | "closed" | "too-long" | "failed";

/** Thrown by `LineWire` when the conversation cannot go on. */
export class WireError extends Error {
  readonly kind: WireErrorKind;

  constructor(kind: WireErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

const lf = 0x0a;
const cr = 0x0d;
/** Read-ahead at which the socket is paused; the peer feels it as backpressure. */
const highWaterBytes = 256 * 1024;
/** Small pieces cost far more memory than their octets: a peer that sends one a packet must not gain by that. */
const maxPieces = 256;

/**
 * A peer that is read by pulling: lines, or whatever bytes are there. Output is gathered and flushed when the wire is about
 * to wait for input (so pipelined commands get their replies in one packet) or on `flush`. Every wait has a deadline.
 */
export class LineWire {
  readonly socket: Duplex;
  timeoutMs: number;
  #buffer: Buffer = Buffer.alloc(0);
  #later: Buffer[] = [];
  #laterBytes = 0;
  #ended = false;
  #failure: Error | null = null;
  #wake: (() => void) | null = null;
  #out: (Buffer | string)[] = [];
  readonly #detach: () => void;

  constructor(socket: Duplex, timeoutMs: number) {
    this.socket = socket;
    this.timeoutMs = timeoutMs;
    const onData = (chunk: Buffer): void => {
      this.#later.push(chunk);
      this.#laterBytes += chunk.length;
      if (this.#later.length > maxPieces) this.#later = [Buffer.concat(this.#later, this.#laterBytes)];
      if (this.#laterBytes > highWaterBytes) socket.pause();
      this.#wake?.();
    };
    const onEnd = (): void => {
      this.#ended = true;
      this.#wake?.();
    };
    const onError = (error: Error): void => {
      this.#failure = error;
      this.#wake?.();
    };
    socket.on("data", onData);
    socket.on("end", onEnd);
    socket.on("close", onEnd);
    socket.on("error", onError);
    this.#detach = () => {
      socket.off("data", onData);
      socket.off("end", onEnd);
      socket.off("close", onEnd);
    };
  }

  /** Bytes that have arrived and were not read yet. STARTTLS must find 0 here (no command injection). */
  get unreadBytes(): number {
    return this.#buffer.length + this.#laterBytes;
  }

  /** Stops reading so that the socket can be handed on (to TLS); what arrived unread is dropped. */
  release(): Duplex {
    this.#detach();
    this.socket.pause();
    return this.socket;
  }

  /** Gathers output; text is a byte string. Sent at the next wait or `flush`. */
  write(data: Uint8Array | string): void {
    this.#out.push(typeof data === "string" ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  }

  /** Hands gathered output to the kernel; resolves at once unless the peer does not read. Throws WireError. */
  async flush(): Promise<void> {
    if (this.#out.length === 0) return;
    const pieces = this.#out;
    this.#out = [];
    let room = true;
    if (pieces.every((piece) => typeof piece === "string")) {
      room = this.socket.write(pieces.join(""), "latin1");
    } else {
      this.socket.cork();
      for (const piece of pieces)
        room = typeof piece === "string" ? this.socket.write(piece, "latin1") : this.socket.write(piece);
      this.socket.uncork();
    }
    if (room) return;
    // A destroyed socket never drains: what it has to say was said before we began to wait.
    if (this.#failure !== null) throw new WireError("failed", "connection failed", { cause: this.#failure });
    if (this.socket.destroyed) throw new WireError("closed", "peer has gone");
    await this.#wait("drain");
  }

  /**
   * The next line without its LF and without one CR before it, as a byte string; null when the peer has hung up (a last line
   * without LF is dropped). Throws WireError `timeout`, `too-long` (over `maxBytes`), `failed`.
   */
  async readLine(maxBytes: number): Promise<string | null> {
    const raw = await this.readRawLine(maxBytes);
    if (raw === null) return null;
    const end = raw.length > 1 && raw[raw.length - 2] === cr ? raw.length - 2 : raw.length - 1;
    return raw.toString("latin1", 0, end);
  }

  /** The next line with its LF, as bytes; null when the peer has hung up. */
  async readRawLine(maxBytes: number): Promise<Buffer | null> {
    let searched = 0;
    for (;;) {
      this.#gather();
      const at = this.#buffer.indexOf(lf, searched);
      if (at >= 0 ? at + 1 > maxBytes : this.#buffer.length > maxBytes)
        throw new WireError("too-long", "line too long");
      if (at >= 0) {
        const line = this.#buffer.subarray(0, at + 1);
        this.#buffer = this.#buffer.subarray(at + 1);
        return line;
      }
      searched = this.#buffer.length;
      if (!(await this.#more())) return null;
    }
  }

  /** Whatever has arrived, waiting if nothing has; null when the peer has hung up. Use `unread` to give back what was too much. */
  async readSome(): Promise<Buffer | null> {
    this.#gather();
    while (this.#buffer.length === 0) {
      if (!(await this.#more())) return null;
      this.#gather();
    }
    const bytes = this.#buffer;
    this.#buffer = Buffer.alloc(0);
    return bytes;
  }

  /** Puts bytes back in front of what is still unread. */
  unread(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#buffer = this.#buffer.length === 0 ? bytes : Buffer.concat([bytes, this.#buffer]);
  }

  /** Flushes and closes; resolves at once. The peer gets what was written; a peer that never closes is cut off after 5 s. */
  async end(): Promise<void> {
    await this.flush().catch(() => {}); // The peer is gone already; there is nobody left to tell.
    this.socket.end();
    const timer = setTimeout(() => this.socket.destroy(), 5_000);
    timer.unref();
    this.socket.once("close", () => clearTimeout(timer));
    this.socket.resume();
  }

  #gather(): void {
    if (this.#later.length === 0) return;
    this.#buffer =
      this.#buffer.length === 0 && this.#later.length === 1
        ? this.#later[0]!
        : Buffer.concat([this.#buffer, ...this.#later]);
    this.#later = [];
    if (this.#laterBytes > highWaterBytes) this.socket.resume();
    this.#laterBytes = 0;
  }

  async #more(): Promise<boolean> {
    if (this.#later.length > 0) return true;
    if (this.#failure !== null) throw new WireError("failed", "connection failed", { cause: this.#failure });
    if (this.#ended) return false;
    await this.flush();
    if (this.#later.length === 0 && !this.#ended && this.#failure === null) await this.#wait("data");
    return this.#more();
  }

  #wait(what: "data" | "drain"): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        settle();
        reject(new WireError("timeout", `peer silent for ${this.timeoutMs} ms`));
      }, this.timeoutMs);
      const settle = (): void => {
        clearTimeout(timer);
        this.#wake = null;
        this.socket.off("drain", wake);
      };
      const wake = (): void => {
        settle();
        if (what === "drain" && this.#failure !== null) {
          reject(new WireError("failed", "connection failed", { cause: this.#failure }));
        } else if (what === "drain" && this.#ended && this.socket.destroyed) {
          reject(new WireError("closed", "peer has gone"));
        } else resolve();
      };
      if (what === "drain") {
        this.socket.once("drain", wake);
        const relay = (): void => {
          if (this.#failure !== null || this.socket.destroyed) wake();
          else this.#wake = relay;
        };
        this.#wake = relay;
      } else this.#wake = wake;
    });
  }
}
