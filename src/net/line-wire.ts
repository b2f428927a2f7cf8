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
/** A peer that never closes its side is cut off this long after we closed ours, in milliseconds. */
const cutOffMs = 5_000;
const nothing = Buffer.alloc(0);

/** A wait that is under way: for input, or until the peer has taken what was written. */
type Wait = {
  readonly what: "data" | "drain";
  readonly resolve: () => void;
  readonly reject: (error: WireError) => void;
};

/**
 * A peer that is read by pulling: lines, or whatever bytes are there. Output is gathered and flushed when the wire is about
 * to wait for input (so pipelined commands get their replies in one packet) or on `flush`. Every wait has a deadline. One
 * reader at a time.
 *
 * `takeLine` and `takeSome` give what has arrived, without a promise; `fill` waits for more. `readLine` and `readSome` are both
 * together, for who is in no hurry: a server that handles thousands of commands a second takes, and awaits only to wait.
 */
export class LineWire {
  readonly socket: Duplex;
  timeoutMs: number;
  #buffer: Buffer = nothing;
  #later: Buffer[] = [];
  #laterBytes = 0;
  /** How much of `#buffer` is known to hold no LF. */
  #searched = 0;
  #paused = false;
  #ended = false;
  #failure: Error | null = null;
  #wait: Wait | null = null;
  /** When the present wait is over, on the clock of `performance.now()`. */
  #deadline = 0;
  /** One timer for all waits: it looks at `#deadline` when it goes off, and is set anew only if that has moved. */
  #timer: NodeJS.Timeout | null = null;
  #timerAt = 0;
  /** Gathered output: bytes, and behind them text. */
  #pieces: Buffer[] = [];
  #text = "";
  readonly #detach: () => void;

  constructor(socket: Duplex, timeoutMs: number) {
    this.socket = socket;
    this.timeoutMs = timeoutMs;
    const onData = (chunk: Buffer): void => this.#arrive(chunk);
    const onEnd = (): void => {
      this.#ended = true;
      this.#wake();
    };
    const onClose = (): void => {
      onEnd();
      this.#dropTimer();
    };
    const onError = (error: Error): void => {
      this.#failure = error;
      this.#wake();
    };
    const onDrain = (): void => {
      if (this.#wait?.what === "drain") this.#settle()?.resolve();
    };
    socket.on("data", onData);
    socket.on("end", onEnd);
    socket.on("close", onClose);
    socket.on("error", onError);
    socket.on("drain", onDrain);
    this.#detach = () => {
      socket.off("data", onData);
      socket.off("end", onEnd);
      socket.off("close", onClose);
      socket.off("drain", onDrain);
      this.#dropTimer();
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
    if (typeof data === "string") {
      this.#text += data;
      return;
    }
    if (this.#text !== "") this.#pieces.push(Buffer.from(this.#text, "latin1"));
    this.#text = "";
    this.#pieces.push(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  }

  /** Hands gathered output to the kernel; resolves at once unless the peer does not read. Throws WireError. */
  async flush(): Promise<void> {
    if (this.#hand()) return;
    // A destroyed socket never drains: what it has to say was said before we began to wait.
    if (this.#failure !== null) throw failed(this.#failure);
    if (this.socket.destroyed) throw new WireError("closed", "peer has gone");
    await this.#waitFor("drain");
  }

  /**
   * The next line if it has arrived, without its LF and without one CR before it, as a byte string; undefined if there is none
   * yet. Throws WireError `too-long` (over `maxBytes`).
   */
  takeLine(maxBytes: number): string | undefined {
    const length = this.#lineLength(maxBytes);
    if (length === 0) return undefined;
    const bytes = this.#buffer;
    this.#buffer = bytes.subarray(length);
    this.#searched = 0;
    return bytes.toString("latin1", 0, length > 1 && bytes[length - 2] === cr ? length - 2 : length - 1);
  }

  /** Whatever has arrived, ours from now on; undefined if nothing has. */
  takeSome(): Buffer | undefined {
    this.#gather();
    if (this.#buffer.length === 0) return undefined;
    const bytes = this.#buffer;
    this.#buffer = nothing;
    this.#searched = 0;
    return bytes;
  }

  /**
   * Flushes, and waits until more has arrived than there was; false when the peer has hung up. Throws WireError `timeout`, `failed`.
   */
  fill(): Promise<boolean> {
    if (this.#later.length > 0) return isMore;
    if (this.#failure !== null) return Promise.reject(failed(this.#failure));
    if (this.#ended) return isOver;
    if (this.#paused) this.#resume(); // What is there is not enough, however much it is.
    const before = this.unreadBytes;
    const more = (): Promise<boolean> | boolean => {
      if (this.unreadBytes > before) return true;
      if (this.#failure !== null) throw failed(this.#failure);
      return !this.#ended && this.#waitFor("data").then(more);
    };
    return this.#hand() ? this.#waitFor("data").then(more) : this.flush().then(more);
  }

  /**
   * The next line without its LF and without one CR before it, as a byte string; null when the peer has hung up (a last line
   * without LF is dropped). Throws WireError `timeout`, `too-long` (over `maxBytes`), `failed`.
   */
  async readLine(maxBytes: number): Promise<string | null> {
    for (;;) {
      const line = this.takeLine(maxBytes);
      if (line !== undefined) return line;
      if (!(await this.fill())) return null;
    }
  }

  /** The next line with its LF, as bytes; null when the peer has hung up. */
  async readRawLine(maxBytes: number): Promise<Buffer | null> {
    for (;;) {
      const length = this.#lineLength(maxBytes);
      if (length > 0) {
        const line = this.#buffer.subarray(0, length);
        this.#buffer = this.#buffer.subarray(length);
        this.#searched = 0;
        return line;
      }
      if (!(await this.fill())) return null;
    }
  }

  /** Whatever has arrived, waiting if nothing has; null when the peer has hung up. Use `unread` to give back what was too much. */
  async readSome(): Promise<Buffer | null> {
    for (;;) {
      const bytes = this.takeSome();
      if (bytes !== undefined) return bytes;
      if (!(await this.fill())) return null;
    }
  }

  /** Puts bytes back in front of what is still unread. */
  unread(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#buffer = this.#buffer.length === 0 ? bytes : Buffer.concat([bytes, this.#buffer]);
    this.#searched = 0;
  }

  /**
   * Flushes and closes both ways, once the kernel has taken what was written: for a peer that has said its last word. Anything
   * it sends after that is answered by a reset.
   */
  close(): void {
    this.#hand();
    this.#dropTimer();
    // What the kernel has taken it delivers; shutting our side down first would be one system call more for nothing.
    if (this.socket.writableLength === 0) this.socket.destroy();
    else this.socket.end(() => this.socket.destroy());
    this.#cutOff();
  }

  /**
   * Flushes and closes our side; resolves at once. The peer gets what was written even if it is still talking; one that never
   * closes is cut off after 5 s.
   */
  async end(): Promise<void> {
    await this.flush().catch(() => {}); // The peer is gone already; there is nobody left to tell.
    this.socket.end();
    this.#cutOff();
    this.socket.resume();
  }

  #cutOff(): void {
    if (this.socket.closed) return;
    const timer = setTimeout(() => this.socket.destroy(), cutOffMs);
    timer.unref();
    this.socket.once("close", () => clearTimeout(timer));
  }

  #arrive(chunk: Buffer): void {
    if (this.#buffer.length === 0 && this.#later.length === 0) {
      this.#buffer = chunk;
      this.#searched = 0;
    } else {
      this.#later.push(chunk);
      this.#laterBytes += chunk.length;
      if (this.#later.length > maxPieces) this.#later = [Buffer.concat(this.#later, this.#laterBytes)];
    }
    if (!this.#paused && this.unreadBytes > highWaterBytes) {
      this.#paused = true;
      this.socket.pause();
    }
    if (this.#wait?.what === "data") this.#settle()?.resolve();
  }

  #gather(): void {
    if (this.#later.length > 0) {
      this.#buffer = Buffer.concat([this.#buffer, ...this.#later]);
      this.#later = [];
      this.#laterBytes = 0;
    }
    if (this.#paused && this.#buffer.length <= highWaterBytes) this.#resume();
  }

  #resume(): void {
    this.#paused = false;
    this.socket.resume();
  }

  /** Bytes of the first line with its LF; 0 if there is none. */
  #lineLength(maxBytes: number): number {
    this.#gather();
    const bytes = this.#buffer;
    const at = bytes.indexOf(lf, this.#searched);
    this.#searched = at >= 0 ? at : bytes.length;
    if ((at >= 0 ? at + 1 : bytes.length) > maxBytes) throw new WireError("too-long", "line too long");
    return at + 1;
  }

  /** Hands gathered output to the kernel; false if the peer should take it before there is more. */
  #hand(): boolean {
    const text = this.#text;
    this.#text = "";
    if (this.#pieces.length === 0) return text === "" || this.socket.write(text, "latin1");
    const pieces = this.#pieces;
    this.#pieces = [];
    this.socket.cork();
    let room = true;
    for (const piece of pieces) room = this.socket.write(piece);
    if (text !== "") room = this.socket.write(text, "latin1");
    this.socket.uncork();
    return room;
  }

  #waitFor(what: Wait["what"]): Promise<void> {
    this.#setDeadline();
    return new Promise((resolve, reject) => {
      this.#wait = { what, resolve, reject };
    });
  }

  /** The link ended or broke: whoever waits must look again. */
  #wake(): void {
    const wait = this.#wait;
    if (wait === null) return;
    if (wait.what === "data") this.#settle()?.resolve();
    else if (this.#failure !== null) this.#settle()?.reject(failed(this.#failure));
    else if (this.socket.destroyed) this.#settle()?.reject(new WireError("closed", "peer has gone"));
  }

  #settle(): Wait | null {
    const wait = this.#wait;
    this.#wait = null;
    this.#timer?.unref();
    return wait;
  }

  #setDeadline(): void {
    this.#deadline = performance.now() + this.timeoutMs;
    if (this.#timer !== null && this.#timerAt <= this.#deadline) this.#timer.ref();
    else this.#setTimer(this.timeoutMs);
  }

  #setTimer(ms: number): void {
    this.#dropTimer();
    this.#timerAt = this.#deadline;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (this.#wait === null) return;
      const left = this.#deadline - performance.now();
      if (left > 0) this.#setTimer(Math.ceil(left));
      else this.#settle()?.reject(new WireError("timeout", `peer silent for ${this.timeoutMs} ms`));
    }, ms);
  }

  #dropTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

const isMore = Promise.resolve(true);
const isOver = Promise.resolve(false);

function failed(cause: Error): WireError {
  return new WireError("failed", "connection failed", { cause });
}
