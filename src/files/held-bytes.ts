import { constants } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** How much is held in memory before a file is used. */
const memoryBytesDefault = 4 * 1024 * 1024;
const readBytes = 256 * 1024;
/** So many pieces in a row are made one: a piece costs some 200 bytes beside its own, and a peer may send one octet in each. */
const maxLoosePieces = 256;

/**
 * Bytes that must wait before they can be passed on, because what belongs in front of them is not known yet. Held in memory
 * while they are few, then in a temporary file that has no name any more (so nothing is left behind, whatever happens).
 * Throws what the disk says. Not durable, and not meant to be.
 */
export class HeldBytes {
  readonly #folder: string;
  readonly #memoryBytes: number;
  #chunks: Uint8Array[] = [];
  /** Pieces at the end of `#chunks` that are as they came. */
  #loose = 0;
  #file: FileHandle | null = null;
  #sizeBytes = 0;

  constructor(folder: string = tmpdir(), memoryBytes: number = memoryBytesDefault) {
    this.#folder = folder;
    this.#memoryBytes = memoryBytes;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Takes more bytes; the caller must not change them afterwards. A promise means: wait for the disk. */
  write(bytes: Uint8Array): Promise<void> | undefined {
    this.#sizeBytes += bytes.length;
    if (this.#file === null && this.#sizeBytes <= this.#memoryBytes) {
      this.#chunks.push(bytes);
      if (++this.#loose === maxLoosePieces) {
        this.#chunks.push(Buffer.concat(this.#chunks.splice(-maxLoosePieces)));
        this.#loose = 0;
      }
      return undefined;
    }
    return this.#spill(bytes);
  }

  /** Everything written so far, from the beginning; may be read again. */
  async *read(): AsyncGenerator<Uint8Array> {
    if (this.#file === null) {
      yield* this.#chunks;
      return;
    }
    for (let at = 0; at < this.#sizeBytes; ) {
      const { bytesRead, buffer } = await this.#file.read(Buffer.allocUnsafe(readBytes), 0, readBytes, at);
      if (bytesRead === 0) throw new Error("a temporary file has become shorter");
      yield buffer.subarray(0, bytesRead);
      at += bytesRead;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#chunks = [];
    await this.#file?.close();
  }

  async #spill(bytes: Uint8Array): Promise<void> {
    if (this.#file === null) {
      this.#file = await openNameless(this.#folder);
      for (const chunk of this.#chunks) await this.#file.writeFile(chunk);
      this.#chunks = [];
    }
    await this.#file.writeFile(bytes);
  }
}

async function openNameless(folder: string): Promise<FileHandle> {
  const path = join(folder, `.quail-held.${process.pid}.${crypto.randomUUID()}`);
  const file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  await rm(path);
  return file;
}
