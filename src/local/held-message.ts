import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type MessageSource, messageInMemory } from "#mail";

/** As much as the queue hands over in one piece; a longer message goes through a file without a name. */
const memoryBytes = 128 * 1024;

/** A message that came as a stream and can be read as often as needed. Dispose of it to let its file go. */
export type HeldMessage = AsyncDisposable & { readonly message: MessageSource };

/** Reads a stream to its end. Throws what the stream or the disk says. */
export async function holdMessage(input: AsyncIterable<Uint8Array>): Promise<HeldMessage> {
  let chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  let file: FileHandle | null = null;
  try {
    for await (const chunk of input) {
      sizeBytes += chunk.length;
      chunks.push(chunk);
      if (sizeBytes <= memoryBytes) continue;
      file ??= await openNameless();
      await file.writeFile(Buffer.concat(chunks));
      chunks = [];
    }
  } catch (error) {
    await file?.close();
    throw error;
  }
  if (file === null) return { message: messageInMemory(Buffer.concat(chunks)), [Symbol.asyncDispose]: async () => {} };
  const held = file;
  return {
    message: { sizeBytes, whole: null, read: (offset, length) => readAt(held, offset, length) },
    [Symbol.asyncDispose]: () => held.close(),
  };
}

async function readAt(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, offset);
  return buffer.subarray(0, bytesRead);
}

async function openNameless(): Promise<FileHandle> {
  const path = join(tmpdir(), `.quail-message.${process.pid}.${randomBytes(8).toString("hex")}`);
  const file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  await rm(path);
  return file;
}
