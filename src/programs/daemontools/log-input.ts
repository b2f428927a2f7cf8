import { readSync } from "node:fs";
import type { Readable } from "node:stream";

/** How often a line that has not ended yet is looked for after the wish to stop, in milliseconds. */
const lookAgainMs = 20;

/** What a reader of log lines is woken by, in the order in which it is answered. */
type Wishes = { readonly isStopping: () => boolean; readonly takeRotation: () => boolean };

/** What it does with what it reads. */
export type Taker = {
  readonly take: (chunk: Buffer) => Promise<void>;
  readonly rotate: () => Promise<void>;
  readonly isWithinLine: () => boolean;
};

/** Node's inside of a stream on a descriptor. */
type Handle = { readonly readStop?: () => void; readonly setBlocking?: (blocking: boolean) => void };

/** A thing that can be waited for again and again. */
export function bell(): { ring(): void; rung(): Promise<void> } {
  let { promise, resolve } = Promise.withResolvers<void>();
  return {
    ring: () => resolve(),
    async rung() {
      await promise;
      ({ promise, resolve } = Promise.withResolvers<void>());
    },
  };
}

/**
 * Reads a stream to its end, or until it is to stop. Then, if it is this process's own standard input, it goes on octet by octet to the end
 * of the line it is within, so that whoever reads after us finds whole lines.
 */
export async function readLog(
  stdin: Readable,
  taker: Taker,
  wishes: Wishes,
  wake: ReturnType<typeof bell>,
): Promise<void> {
  let ended = false;
  const end = (): void => {
    ended = true;
    wake.ring();
  };
  for (const event of ["end", "error", "close"]) stdin.once(event, end);
  stdin.on("readable", wake.ring);
  while (!wishes.isStopping()) {
    if (wishes.takeRotation()) await taker.rotate();
    const chunk: Buffer | null = stdin.read();
    if (chunk !== null) await taker.take(chunk);
    else if (ended) return;
    else await wake.rung();
  }
  await stopReading(stdin, taker);
}

async function stopReading(stdin: Readable, taker: Taker): Promise<void> {
  const handle = (stdin as unknown as { readonly _handle?: Handle })._handle;
  handle?.readStop?.();
  for (let chunk: Buffer | null = stdin.read(); chunk !== null; chunk = stdin.read()) await taker.take(chunk);
  handle?.readStop?.(); // Reading from the stream made it ask for more.
  if (stdin !== process.stdin) return;
  const octet = Buffer.alloc(1);
  while (taker.isWithinLine()) {
    const count = readOctet(octet);
    if (count === 0) break;
    if (count === null) await new Promise((wake) => setTimeout(wake, lookAgainMs));
    else await taker.take(Buffer.from(octet));
  }
  handle?.setBlocking?.(true); // As it was: the next reader of this pipe may not expect anything else.
}

/** 1, 0 at the end, null when there is nothing yet. */
function readOctet(octet: Buffer): number | null {
  try {
    return readSync(0, octet, 0, 1, null);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EAGAIN" ? null : 0;
  }
}
