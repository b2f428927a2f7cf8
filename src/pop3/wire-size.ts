import { open } from "node:fs/promises";
import type { ByteString } from "#bytes";
import { diskPath } from "#files";
import type { ListedMessage } from "#mailbox";

const pieceBytes = 256 * 1024;
const [lf, cr] = [0x0a, 0x0d];

/** The octets a message has on the wire: each line end two, a last line without end gets one; dots that are doubled do not count. */
export async function wireSize(path: ByteString, buffer = Buffer.allocUnsafe(pieceBytes)): Promise<number> {
  await using file = await open(diskPath(path), "r");
  let size = 0;
  let last = lf;
  for (let from = 0; ; ) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, from);
    if (bytesRead === 0) break;
    const piece = buffer.subarray(0, bytesRead);
    from += bytesRead;
    size += bytesRead;
    for (let at = piece.indexOf(lf); at >= 0; at = piece.indexOf(lf, at + 1)) {
      if ((at === 0 ? last : piece[at - 1]) !== cr) size++;
    }
    last = piece[bytesRead - 1]!;
  }
  return last === lf ? size : size + 2;
}

/** The messages with their sizes on the wire; one that cannot be read keeps the size it has on disk. */
export async function withWireSizes(
  maildir: ByteString,
  messages: readonly ListedMessage[],
): Promise<readonly ListedMessage[]> {
  const buffer = Buffer.allocUnsafe(pieceBytes);
  const sized: ListedMessage[] = [];
  for (const message of messages) {
    const sizeBytes = await wireSize(`${maildir}/${message.file}`, buffer).catch(() => message.sizeBytes);
    sized.push({ ...message, sizeBytes });
  }
  return sized;
}
