/**
 * A corpus of awkward messages, the same for the same seed. A message is bytes with LF line ends, as the house keeps it. None
 * has a CR right before an LF: that pair cannot be told from a line end on the wire.
 */
import type { Random } from "./random.ts";

/** One message of the corpus. */
export type Sample = {
  /** What is awkward about it. */
  readonly kind: string;
  readonly bytes: Buffer;
  /** False: the last line has no LF, which only BDAT and the queue's own door can carry. */
  readonly endsInLf: boolean;
};

const lf = 0x0a;
const cr = 0x0d;

const text = (content: string): Buffer => Buffer.from(content, "latin1");
const header = "From: <a@corpus.test>\nTo: <b@corpus.test>\nSubject: corpus\nMIME-Version: 1.0\n";

function words(random: Random, count: number): string {
  const some = ["quail", "covey", "egg", "a", "From", "the", "mail", ".", "..", "", "\t", "=3D", "&amp;"] as const;
  return Array.from({ length: count }, () => random.pick(some)).join(" ");
}

function paragraphs(random: Random, lines: number): string {
  return Array.from({ length: lines }, () => `${words(random, random.below(14))}\n`).join("");
}

/** Octets of all values, without CR before LF. */
function noise(random: Random, length: number): Buffer {
  const bytes = random.bytes(length);
  for (let at = 0; at < length; at++)
    if (bytes[at] === cr && (bytes[at + 1] === lf || at === length - 1)) bytes[at] = 0x2e;
  return bytes;
}

/** `length` bytes in all, in lines of `width`, after a header. */
function sized(length: number, width: number): Buffer {
  const start = text(`${header}\n`);
  const bytes = Buffer.alloc(length, 0x78);
  start.copy(bytes);
  for (let at = start.length + width; at < length; at += width + 1) bytes[at] = lf;
  if (length > 0) bytes[length - 1] = lf;
  return bytes;
}

/** A message that has a CR, alone, at each of the offsets where readers and frames are likely to be cut. */
function carriageReturnsAtBorders(shift: number): Buffer {
  const bytes = sized(200_000, 72);
  for (const border of [512, 1024, 1460, 2048, 4096, 8192, 16_384, 32_768, 65_536, 131_072]) {
    for (const at of [border + shift - 1, border + shift]) {
      if (bytes[at] !== lf && bytes[at + 1] !== lf) bytes[at] = cr;
    }
  }
  return bytes;
}

/** Long lines: the limits of RFC 5321 §4.5.3.1.6 and of buffers, and beyond both. */
const longLines = [998, 999, 1000, 4095, 4096, 16_384, 65_535, 65_536, 70_001, 1_000_000] as const;
/** Around the size up to which the queue keeps a body in its database (DESIGN section 5), and around powers of two before it. */
const edges = [1024, 4096, 16_384, 65_536, 131_072, 262_144, 1_048_576] as const;

type Maker = { readonly kind: string; readonly make: (random: Random, round: number) => Buffer };

/** Kinds that are made anew, a little differently, in every round. */
const makers: readonly [Maker, ...Maker[]] = [
  { kind: "plain", make: (random) => text(`${header}\n${paragraphs(random, 1 + random.below(60))}`) },
  {
    kind: "8-bit",
    make: (random) =>
      Buffer.concat([text(`${header}X-Bytes: \xe4\xf6\xfc \xff\n\n`), noise(random, random.below(3000)), text("\n")]),
  },
  {
    kind: "noise from the first byte",
    make: (random) => Buffer.concat([noise(random, 1 + random.below(9000)), text("\n")]),
  },
  {
    kind: "NUL",
    make: (random) =>
      text(`Subject: a\0b\n\0: x\n\n${"\0".repeat(random.below(400))}\n.\0\n\0.\n${words(random, 9)}\0\n`),
  },
  {
    kind: "dots",
    make: (random) =>
      text(
        `${header}\n${Array.from({ length: 30 }, () => `${".".repeat(random.below(4))}${random.pick(["", "", "x", " ", "\r.", "\0"])}\n`).join("")}`,
      ),
  },
  { kind: "dot first", make: (_random, round) => text(`${".".repeat(1 + (round % 3))}\n${header}\n.\n`) },
  { kind: "only a header", make: (random) => text(header.repeat(1 + random.below(3))) },
  { kind: "only empty lines", make: (_random, round) => text("\n".repeat(1 + (round % 5))) },
  { kind: "no header", make: (random) => text(`\n${paragraphs(random, 5)}`) },
  {
    kind: "bare CR",
    make: (random) =>
      text(
        `Subject: a\rb\n\n${Array.from({ length: 20 }, () => `${words(random, random.below(5))}\r${random.pick([".", "x", "\r\rx", "\0"])}\n`).join("")}`,
      ),
  },
  { kind: "CR at borders", make: (_random, round) => carriageReturnsAtBorders(-(round % 700)) },
  {
    kind: "From lines",
    make: (random) =>
      text(
        `${header}\n${Array.from({ length: 12 }, () => `${">".repeat(random.below(3))}From ${words(random, 3)}\n`).join("")}From \nFrom`,
      ).subarray(0, -4),
  },
  {
    kind: "many header fields",
    make: (random) =>
      text(
        `${Array.from({ length: 20 + random.below(800) }, (_, at) => `X-Field-${at}: ${words(random, 6)}\n`).join("")}\nbody\n`,
      ),
  },
  {
    kind: "folded header",
    make: (random) =>
      text(`X-Long: a\n${" folded line of a header\n".repeat(1 + random.below(3000))}Subject: s\n\nbody\n`),
  },
  {
    kind: "many hops",
    make: (random) =>
      text(`${"Received: from a by b; now\n".repeat(random.below(96))}\n${"Received: body\n".repeat(200)}`),
  },
  {
    kind: "long line",
    make: (random, round) =>
      text(`${header}\n${"l".repeat(longLines[round % longLines.length]! - random.below(2))}\nend\n`),
  },
  {
    kind: "edge of a size",
    make: (random, round) => sized(edges[round % edges.length]! + random.below(9) - 4, 20 + random.below(900)),
  },
  // The queue adds its lines before it weighs a message: somewhere in this range the stored size crosses 128 KiB.
  { kind: "near 128 KiB", make: (random) => sized(131_072 - random.below(420), 60 + random.below(30)) },
  { kind: "100 KB", make: (random) => sized(100_000 + random.below(5000), 76) },
  {
    kind: "no final LF",
    make: (random) => text(`${header}\n${paragraphs(random, 3)}${random.pick(["cut", ".", "\0", "x\ry"])}`),
  },
  { kind: "no LF at all", make: (random) => text("x".repeat(1 + random.below(5000))) },
];

/** Made once: the largest and the smallest. */
const singles: readonly Maker[] = [
  { kind: "empty", make: () => Buffer.alloc(0) },
  { kind: "10 MB of lines", make: () => sized(10_000_000, 76) },
  { kind: "10 MB of noise", make: (random) => Buffer.concat([noise(random, 9_999_999), text("\n")]) },
  { kind: "one dot", make: () => text(".\n") },
];

/** `count` samples and the few large ones; the same `random` seed gives the same bytes. Made one by one: keep none. */
export function* corpus(random: Random, count: number): Generator<Sample> {
  const sample = ({ kind, make }: Maker, round: number): Sample => {
    const bytes = make(random, round);
    return { kind, bytes, endsInLf: bytes.length === 0 || bytes[bytes.length - 1] === lf };
  };
  for (let at = 0; at < count; at++) {
    yield sample(makers[at % makers.length] ?? makers[0], Math.floor(at / makers.length));
  }
  for (const single of singles) yield sample(single, 0);
}
