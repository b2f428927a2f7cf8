/** A change to octets that pass by in chunks; the last call, with null, gives what was held back. */
export type ByteFilter = (chunk: Buffer | null) => Buffer;

const nothing = Buffer.alloc(0);

function changedText(chunk: Buffer, change: (text: string) => string): Buffer {
  return Buffer.from(change(chunk.toString("latin1")), "latin1");
}

/** A CR before every LF, even where there is one (addcr). */
export function addCr(): ByteFilter {
  return (chunk) => (chunk === null ? nothing : changedText(chunk, (text) => text.replaceAll("\n", "\r\n")));
}

/** One CR less before every LF that has one (delcr). A CR elsewhere stays. */
export function delCr(): ByteFilter {
  let held = "";
  return (chunk) => {
    const text = held + (chunk?.toString("latin1") ?? "");
    // Whether a CR at the very end goes depends on what comes.
    held = chunk !== null && text.endsWith("\r") ? "\r" : "";
    return Buffer.from((held === "" ? text : text.slice(0, -1)).replaceAll("\r\n", "\n"), "latin1");
  };
}

/** A CR before every LF that has none (fixcr, fixcrio). */
export function fixCr(): ByteFilter {
  let wasCr = false;
  return (chunk) => {
    if (chunk === null || chunk.length === 0) return nothing;
    const startsBare = chunk[0] === 0x0a && !wasCr;
    wasCr = chunk.at(-1) === 0x0d;
    const fixed = changedText(chunk, (text) => text.replace(/(?<=[^\r])\n/g, "\r\n"));
    return startsBare ? Buffer.concat([Buffer.from("\r"), fixed]) : fixed;
  };
}

/** Octets as `cat -v` shows them: `^M`, `M-i`; tab and LF stay. */
export function catV(): ByteFilter {
  const shown = (octet: number): string => {
    if (octet >= 128)
      return `M-${octet === 137 || octet === 138 ? `^${String.fromCharCode(octet - 64)}` : shown(octet - 128)}`;
    if (octet === 9 || octet === 10) return String.fromCharCode(octet);
    return octet < 32 ? `^${String.fromCharCode(octet + 64)}` : octet === 127 ? "^?" : String.fromCharCode(octet);
  };
  return (chunk) => (chunk === null ? nothing : Buffer.from([...chunk].map(shown).join(""), "latin1"));
}

/** What follows the first empty line (http@). */
export function bodyOnly(): ByteFilter {
  // As if a line had ended before: the first line may be the empty one.
  let head = "\n";
  let isBody = false;
  return (chunk) => {
    if (isBody || chunk === null) return chunk ?? nothing;
    head += chunk.toString("latin1");
    const at = head.indexOf("\n\n");
    isBody = at >= 0;
    if (isBody) return Buffer.from(head.slice(at + 2), "latin1");
    // Only the last octet can be the beginning of what is looked for.
    head = head.slice(-1);
    return nothing;
  };
}
