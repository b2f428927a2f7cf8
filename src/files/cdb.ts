import { type FileHandle, open } from "node:fs/promises";

/** Header: 256 pairs of (position, slots), 32 bits little endian each (the constant database format of cdb 0.75). */
const headerBytes = 2048;

/** djb's hash: h = 5381; h = (h * 33) ^ c, in 32 bits. */
export function cdbHash(key: Uint8Array): number {
  let hash = 5381;
  for (const octet of key) hash = (((hash << 5) + hash) ^ octet) >>> 0;
  return hash;
}

/** An open constant database. The caller closes it (`await using` or `close`). */
export type Cdb = AsyncDisposable & {
  /** Data of the first record with this key; null if there is none. Throws if the file is corrupt. */
  get(key: Uint8Array): Promise<Buffer | null>;
  /** All records in file order. */
  records(): AsyncIterable<{ readonly key: Buffer; readonly data: Buffer }>;
  close(): Promise<void>;
};

async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  let have = 0;
  while (have < length) {
    const { bytesRead } = await handle.read(bytes, have, length - have, position + have);
    if (bytesRead === 0) throw new Error("constant database is cut short");
    have += bytesRead;
  }
  return bytes;
}

/** Opens a constant database; null if the file does not exist. Other errors are thrown. */
export async function openCdb(path: string): Promise<Cdb | null> {
  let handle: FileHandle;
  try {
    handle = await open(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  const close = (): Promise<void> => handle.close();
  return {
    async get(key) {
      const hash = cdbHash(key);
      const slotTable = await readAt(handle, (hash & 255) * 8, 8);
      const position = slotTable.readUInt32LE(0);
      const slots = slotTable.readUInt32LE(4);
      for (let probe = 0; probe < slots; probe++) {
        const slot = await readAt(handle, position + (((hash >>> 8) + probe) % slots) * 8, 8);
        const record = slot.readUInt32LE(4);
        if (record === 0) return null;
        if (slot.readUInt32LE(0) !== hash) continue;
        const lengths = await readAt(handle, record, 8);
        if (lengths.readUInt32LE(0) !== key.length) continue;
        const found = await readAt(handle, record + 8, key.length);
        if (found.equals(key)) return readAt(handle, record + 8 + key.length, lengths.readUInt32LE(4));
      }
      return null;
    },
    async *records() {
      const end = (await readAt(handle, 0, 4)).readUInt32LE(0);
      for (let at = headerBytes; at < end; ) {
        const lengths = await readAt(handle, at, 8);
        const keyLength = lengths.readUInt32LE(0);
        const dataLength = lengths.readUInt32LE(4);
        if (at + 8 + keyLength + dataLength > end) throw new Error("constant database is corrupt");
        yield {
          key: await readAt(handle, at + 8, keyLength),
          data: await readAt(handle, at + 8 + keyLength, dataLength),
        };
        at += 8 + keyLength + dataLength;
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The bytes of a constant database with these records; records with one key are all kept, `get` finds the first. */
export function renderCdb(records: Iterable<readonly [key: Uint8Array, data: Uint8Array]>): Buffer {
  const parts: Uint8Array[] = [];
  const tables: { readonly hash: number; readonly position: number }[][] = Array.from({ length: 256 }, () => []);
  let position = headerBytes;
  for (const [key, data] of records) {
    const head = Buffer.allocUnsafe(8);
    head.writeUInt32LE(key.length, 0);
    head.writeUInt32LE(data.length, 4);
    const hash = cdbHash(key);
    tables[hash & 255]!.push({ hash, position });
    parts.push(head, key, data);
    position += 8 + key.length + data.length;
    if (position > 0xffff_ffff) throw new Error("constant database would be over 4 GiB");
  }
  const header = Buffer.alloc(headerBytes);
  for (const [number, entries] of tables.entries()) {
    const slots = entries.length * 2;
    header.writeUInt32LE(position, number * 8);
    header.writeUInt32LE(slots, number * 8 + 4);
    const table = Buffer.alloc(slots * 8);
    for (const entry of entries) {
      let at = (entry.hash >>> 8) % slots;
      while (table.readUInt32LE(at * 8 + 4) !== 0) at = (at + 1) % slots;
      table.writeUInt32LE(entry.hash, at * 8);
      table.writeUInt32LE(entry.position, at * 8 + 4);
    }
    parts.push(table);
    position += table.length;
  }
  return Buffer.concat([header, ...parts]);
}
