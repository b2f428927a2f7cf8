import { type Answer, decode, encode, type RecordType } from "dns-packet";

/** What we ask for. */
export type Question = { readonly name: string; readonly type: RecordType };

/** A server's answer to our question, checked to be one. */
export type Reply = {
  /** RFC 1035 §4.1.1, with the upper bits of RFC 6891 §6.1.3: 0 no error, 1 format error, 2 server failure, 3 no such name, 4 not implemented, 5 refused. */
  readonly rcode: number;
  /** Cut to fit: ask again over TCP. `answers` is then empty. */
  readonly truncated: boolean;
  readonly answers: readonly Answer[];
  readonly authorities: readonly Answer[];
};

/** What we tell servers we can take over UDP: fits every common path unfragmented (DNS flag day 2020). */
const udpPayloadBytes = 1232;
const recursionDesired = 0x0100;
const truncatedFlag = 0x0200;
const opcodeMask = 0x7800;
const headerBytes = 12;
/** A server that claims more records than this lies: a message has 65535 bytes, a record at least 11. */
const maxRecords = 6000;

/** The question as a packet. `edns` off is for servers that answer FORMERR to it (RFC 6891 §6.2.2). */
export function encodeQuestion(id: number, { name, type }: Question, edns: boolean): Buffer {
  const opt = {
    type: "OPT",
    name: ".",
    udpPayloadSize: udpPayloadBytes,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  } as const satisfies Answer;
  return encode({
    type: "query",
    id,
    flags: recursionDesired,
    questions: [{ type, name, class: "IN" }],
    additionals: edns ? [{ ...opt, options: [] }] : [],
  });
}

function recordsClaimed(bytes: Buffer): number {
  return bytes.readUInt16BE(6) + bytes.readUInt16BE(8) + bytes.readUInt16BE(10);
}

/**
 * Reads a packet as the answer to our question. `"stray"`: it answers something else (another id, another question, or is no
 * answer): wait on. `"garbage"`: our id, but it cannot be read. Never throws.
 */
export function decodeReply(bytes: Buffer, id: number, question: Question): Reply | "stray" | "garbage" {
  if (bytes.length < headerBytes || bytes.readUInt16BE(0) !== id) return "stray";
  const flags = bytes.readUInt16BE(2);
  if ((flags & 0x8000) === 0 || (flags & opcodeMask) !== 0) return "stray";
  const rcode = flags & 0x0f;
  // A server that chokes on the question may leave it out of its complaint (RFC 6891 §7).
  if (bytes.readUInt16BE(4) === 0 && rcode !== 0) return { rcode, truncated: false, answers: [], authorities: [] };
  if (bytes.readUInt16BE(4) !== 1 || recordsClaimed(bytes) > maxRecords) return "garbage";
  const truncated = (flags & truncatedFlag) !== 0;
  try {
    // What a truncated answer holds may stop in the middle of a record; only its question is wanted.
    const readable = truncated ? withoutRecords(bytes) : bytes;
    const packet = decode(readable);
    const asked = packet.questions?.[0];
    if (asked?.type !== question.type || asked.name.toLowerCase() !== question.name) return "stray";
    const opt = packet.additionals?.find((record) => record.type === "OPT");
    const fullRcode = rcode + 16 * (opt?.type === "OPT" ? opt.extendedRcode : 0);
    return { rcode: fullRcode, truncated, answers: packet.answers ?? [], authorities: packet.authorities ?? [] };
  } catch {
    return "garbage"; // The decoder throws on every overrun; whatever it says, these bytes are no answer.
  }
}

/** The packet with its record counts set to nought. */
function withoutRecords(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy.fill(0, 6, headerBytes);
  return copy;
}
