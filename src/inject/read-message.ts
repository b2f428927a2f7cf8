import { HeaderSplitter, type SplitHeader } from "#message";

/** The message could not be read to its end; `cause` is what the stream said. */
export class MessageReadError extends Error {}

/** A message whose header has been read; the body comes as it is pulled. */
export type OpenMessage = {
  readonly fields: SplitHeader["fields"];
  /** From the empty line on, byte for byte; a last LF is added if it is missing. Nothing if the message has no body. */
  readonly body: AsyncGenerator<Buffer>;
};

const lf = 0x0a;

/** Chunks of a stream as bytes: streams made from text give text. */
function bytesOf(chunk: Uint8Array | string): Buffer {
  if (typeof chunk === "string") return Buffer.from(chunk, "utf8");
  return Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

/** The next bytes; null at the end. */
async function pull(chunks: AsyncIterator<Uint8Array | string>): Promise<Buffer | null> {
  try {
    const next = await chunks.next();
    return next.done === true ? null : bytesOf(next.value);
  } catch (cause) {
    throw new MessageReadError("unable to read the message", { cause });
  }
}

/** Reads a message up to the end of its header. Throws MessageReadError, as reading the body does. */
export async function openMessage(input: AsyncIterable<Uint8Array | string>): Promise<OpenMessage> {
  const chunks = input[Symbol.asyncIterator]();
  const splitter = new HeaderSplitter();
  let header: SplitHeader | null = null;
  while (header === null) {
    const chunk = await pull(chunks);
    header = chunk === null ? splitter.end() : splitter.push(chunk);
  }
  return { fields: header.fields, body: readBody(header.body, chunks) };
}

async function* readBody(first: Buffer, rest: AsyncIterator<Uint8Array | string>): AsyncGenerator<Buffer> {
  if (first.length === 0) return;
  let last = first.at(-1);
  yield first;
  for (let chunk = await pull(rest); chunk !== null; chunk = await pull(rest)) {
    last = chunk.at(-1) ?? last;
    yield chunk;
  }
  if (last !== lf) yield Buffer.from("\n");
}
