import type { Socket } from "node:net";

/** Largest payload of one frame. A peer that announces more is cut off. */
export const maxFrameBytes = 1 << 20;

/** One frame between two services: what kind, which conversation on this link, and its bytes (valid as long as kept). */
export type Frame = { readonly kind: number; readonly id: number; readonly payload: Buffer };

const headBytes = 9;
/** So many pieces of an unfinished frame are made one: a piece costs some 200 bytes beside its own, and may hold one octet. */
const maxLooseParts = 256;
/** Frames gathered in one turn go out as one copy up to this size; beyond it they are written as they are. */
const gatherBytes = 64 * 1024;

/**
 * A link between two services of the house that carries frames both ways, many conversations at once:
 * `length u32be | kind u8 | id u32be | payload`. Frames sent in one turn of the event loop leave in one write; payloads may not
 * change until then.
 * `onFrame` is called in order; `onClose` once, after the last frame, with the reason if it was not a clean end.
 */
export class FrameLink {
  readonly socket: Socket;
  #parts: Buffer[] = [];
  /** Pieces at the end of `#parts` that are as they came. */
  #loose = 0;
  #have = 0;
  #want = headBytes;
  /** Frames of this turn that are not written yet: heads and payloads. */
  #out: Uint8Array[] = [];
  #outBytes = 0;
  #closed = false;
  #draining: Promise<void> | null = null;
  readonly #onFrame: (frame: Frame) => void;

  constructor(
    socket: Socket,
    on: { readonly frame: (frame: Frame) => void; readonly close: (reason: Error | null) => void },
    early: Buffer = Buffer.alloc(0),
  ) {
    this.socket = socket;
    this.#onFrame = on.frame;
    let reason: Error | null = null;
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.on("error", (error) => {
      reason = error;
    });
    socket.on("close", () => {
      this.#closed = true;
      on.close(reason);
    });
    if (early.length > 0) this.#take(early);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Bytes accepted by `send` that the kernel has not taken yet. */
  get backlogBytes(): number {
    return this.#outBytes + this.socket.writableLength;
  }

  /** Queues one frame whose payload is the given pieces, one after the other. Returns false when the reader lags behind. */
  send(kind: number, id: number, ...pieces: readonly Uint8Array[]): boolean {
    if (this.#closed) return false;
    let length = 0;
    for (const piece of pieces) length += piece.length;
    const head = Buffer.allocUnsafe(headBytes);
    head.writeUInt32BE(length, 0);
    head[4] = kind;
    head.writeUInt32BE(id, 5);
    if (this.#out.length === 0) setImmediate(this.#flush);
    this.#out.push(head);
    for (const piece of pieces) if (piece.length > 0) this.#out.push(piece);
    this.#outBytes += headBytes + length;
    if (this.#outBytes > gatherBytes) this.#flush();
    return !this.socket.writableNeedDrain;
  }

  /** Resolves when the backlog is gone or the link is. All who wait share one promise. */
  drained(): Promise<void> {
    if (this.#closed || !this.socket.writableNeedDrain) return Promise.resolve();
    this.#draining ??= new Promise((done) => {
      const settle = (): void => {
        this.socket.off("drain", settle);
        this.socket.off("close", settle);
        this.#draining = null;
        done();
      };
      this.socket.on("drain", settle);
      this.socket.on("close", settle);
    });
    return this.#draining;
  }

  /** Ends the link: what was sent still goes out. */
  end(): void {
    if (this.#closed) return;
    this.#flush();
    this.socket.end();
  }

  destroy(reason?: Error): void {
    this.socket.destroy(reason);
  }

  /** Small frames cost a copy, which is less than what the stream charges for each write. */
  readonly #flush = (): void => {
    const out = this.#out;
    if (out.length === 0 || this.#closed) return;
    const bytes = this.#outBytes;
    this.#out = [];
    this.#outBytes = 0;
    if (bytes <= gatherBytes) {
      this.socket.write(out.length === 1 ? out[0]! : Buffer.concat(out, bytes));
      return;
    }
    this.socket.cork();
    for (const piece of out) this.socket.write(piece);
    this.socket.uncork();
  };

  #take(chunk: Buffer): void {
    this.#parts.push(chunk);
    this.#have += chunk.length;
    if (this.#have < this.#want) {
      if (++this.#loose < maxLooseParts) return;
      this.#parts.push(Buffer.concat(this.#parts.splice(-maxLooseParts)));
      this.#loose = 0;
      return;
    }
    this.#loose = 0;
    let bytes = this.#parts.length === 1 ? chunk : Buffer.concat(this.#parts, this.#have);
    this.#parts = [];
    while (bytes.length >= headBytes) {
      const length = bytes.readUInt32BE(0);
      if (length > maxFrameBytes) {
        this.destroy(new Error(`a frame of ${length} bytes was announced`));
        return;
      }
      const end = headBytes + length;
      if (bytes.length < end) break;
      this.#onFrame({ kind: bytes[4]!, id: bytes.readUInt32BE(5), payload: bytes.subarray(headBytes, end) });
      bytes = bytes.subarray(end);
    }
    this.#have = bytes.length;
    this.#want = bytes.length >= headBytes ? headBytes + bytes.readUInt32BE(0) : headBytes;
    if (bytes.length > 0) this.#parts.push(bytes);
  }
}
