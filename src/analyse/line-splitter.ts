/** Takes one line: its bytes stand in `bytes` from `from` up to `to`, without the LF. They are only valid during the call. */
export type LineSink = (bytes: Buffer, from: number, to: number) => void;

/** No log writer makes longer lines (a report is at most a few KB): what follows in such a line is dropped. */
export const maxLineBytes = 1024 * 1024;

const lf = 10;
const nothing = Buffer.alloc(0);

/** Cuts chunks of any size into lines, without a string or a copy for lines that lie whole in a chunk. */
export class LineSplitter {
  readonly #sink: LineSink;
  #pieces: Buffer[] = [];
  #held = 0;

  constructor(sink: LineSink) {
    this.#sink = sink;
  }

  push(chunk: Buffer): void {
    let from = 0;
    let end = chunk.indexOf(lf);
    if (end >= 0 && this.#held > 0) {
      this.#hold(chunk.subarray(0, end));
      const line = this.rest();
      this.#pieces = [];
      this.#held = 0;
      this.#sink(line, 0, line.length);
      from = end + 1;
      end = chunk.indexOf(lf, from);
    }
    for (; end >= 0; end = chunk.indexOf(lf, from)) {
      this.#sink(chunk, from, Math.min(end, from + maxLineBytes));
      from = end + 1;
    }
    if (from < chunk.length) this.#hold(chunk.subarray(from));
  }

  /** What came behind the last LF. */
  rest(): Buffer {
    return this.#held === 0 ? nothing : Buffer.concat(this.#pieces);
  }

  /** A stream may use its buffer again, and a small rest must not keep a large chunk: it is copied. */
  #hold(bytes: Buffer): void {
    const taken = bytes.subarray(0, maxLineBytes - this.#held);
    if (taken.length === 0) return;
    this.#pieces.push(Buffer.from(taken));
    this.#held += taken.length;
  }
}
