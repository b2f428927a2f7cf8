import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { cdbHash } from "./cdb.ts";

/** An open constant database that answers at once. The caller closes it. */
export type CdbSync = {
  /** Data of the first record with this key; null if there is none. Throws if the file is corrupt. */
  get(key: Uint8Array): Buffer | null;
  close(): void;
};

type ReadAt = (position: number, length: number) => Buffer;

const headerBytes = 2048;
/** Files up to this size are held in memory; longer ones are read where they lie, two or three small reads a look-up. */
const keepBytesDefault = 16 * 1024 * 1024;

function fileReader(fd: number, size: number): ReadAt {
  return (position, length) => {
    if (position + length > size) throw new Error("constant database is cut short");
    const bytes = Buffer.allocUnsafe(length);
    for (let have = 0; have < length; ) {
      const read = readSync(fd, bytes, have, length - have, position + have);
      if (read === 0) throw new Error("constant database is cut short");
      have += read;
    }
    return bytes;
  };
}

function memoryReader(bytes: Buffer): ReadAt {
  return (position, length) => {
    if (position + length > bytes.length) throw new Error("constant database is cut short");
    return bytes.subarray(position, position + length);
  };
}

function find(read: ReadAt, key: Uint8Array): Buffer | null {
  const hash = cdbHash(key);
  const table = read((hash & 255) * 8, 8);
  const position = table.readUInt32LE(0);
  const slots = table.readUInt32LE(4);
  for (let probe = 0; probe < slots; probe++) {
    const slot = read(position + (((hash >>> 8) + probe) % slots) * 8, 8);
    const record = slot.readUInt32LE(4);
    if (record === 0) return null;
    if (slot.readUInt32LE(0) !== hash) continue;
    const lengths = read(record, 8);
    if (lengths.readUInt32LE(0) !== key.length || !read(record + 8, key.length).equals(key)) continue;
    return read(record + 8 + key.length, lengths.readUInt32LE(4));
  }
  return null;
}

/**
 * Opens a constant database for look-ups that do not wait (a small file on a local disk, asked often); null if it does not
 * exist. The file may be replaced meanwhile: what was opened goes on answering. Throws if it is unreadable or too short.
 */
export function openCdbSync(path: string, keepBytes = keepBytesDefault): CdbSync | null {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  let kept = false;
  try {
    const { size } = fstatSync(fd);
    if (size < headerBytes) throw new Error("constant database is cut short");
    const inFile = fileReader(fd, size);
    kept = size > keepBytes;
    const read = kept ? inFile : memoryReader(inFile(0, size));
    return { get: (key) => find(read, key), close: () => (kept ? closeSync(fd) : undefined) };
  } finally {
    if (!kept) closeSync(fd);
  }
}
