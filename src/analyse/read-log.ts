import { open } from "node:fs/promises";
import { type LineSink, LineSplitter } from "./line-splitter.ts";

/** One read of a file: large enough that reading costs nothing, small enough to stay in the processor's cache. */
const readBytes = 256 * 1024;

/** Gives every line of a file to `sink`, a last one without LF too. `progress` hears how many bytes each read brought. */
export async function readLogFile(path: string, sink: LineSink, progress: (bytes: number) => void): Promise<void> {
  await using file = await open(path, "r");
  const splitter = new LineSplitter(sink);
  const buffer = Buffer.allocUnsafe(readBytes);
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, readBytes, null);
    if (bytesRead === 0) break;
    splitter.push(buffer.subarray(0, bytesRead));
    progress(bytesRead);
  }
  lastLine(splitter, sink);
}

/** The same for a stream (standard input). */
export async function readLogStream(
  stream: AsyncIterable<unknown>,
  sink: LineSink,
  progress: (bytes: number) => void,
): Promise<void> {
  const splitter = new LineSplitter(sink);
  for await (const chunk of stream) {
    splitter.push(chunk as Buffer);
    progress((chunk as Buffer).length);
  }
  lastLine(splitter, sink);
}

function lastLine(splitter: LineSplitter, sink: LineSink): void {
  const rest = splitter.rest();
  if (rest.length > 0) sink(rest, 0, rest.length);
}
