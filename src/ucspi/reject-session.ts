import { once } from "node:events";
import type { Readable, Writable } from "node:stream";

/** Commands that are answered kindly, so that the client comes to the point. */
const kind: ReadonlySet<string> = new Set(["helo", "ehlo", "mail", "rset", "noop"]);
const name = "rblsmtpd.local";
/** What is kept of a line: its verb is at its beginning. The rest of a long line is passed over. */
const maxKeptBytes = 1_000;

/**
 * Talks to an SMTP client that is to be rejected, until it says QUIT, hangs up, or the time is over: every recipient hears `rejection`
 * (a reply without its line end). The time is for the whole conversation. Leaves both streams open.
 */
export async function rejectSession(
  input: Readable,
  output: Writable,
  rejection: string,
  timeoutMs: number,
): Promise<void> {
  const end = new AbortController();
  const timer = setTimeout(() => end.abort(), timeoutMs);
  try {
    await Promise.race([converse(input, output, rejection, end.signal), once(end.signal, "abort")]);
  } finally {
    end.abort();
    clearTimeout(timer);
    input.pause();
  }
}

function converse(input: Readable, output: Writable, rejection: string, signal: AbortSignal): Promise<void> {
  output.write(`220 ${name}\r\n`);
  return new Promise((done) => {
    let line = "";
    const take = (chunk: Buffer): void => {
      const pieces = (line + chunk.toString("latin1")).split("\n");
      line = (pieces.pop() ?? "").slice(0, maxKeptBytes);
      for (const piece of pieces) {
        const verb = (/^[^ \r]*/.exec(piece)?.[0] ?? "").toLowerCase();
        const reply = verb === "quit" ? `221 ${name}` : kind.has(verb) ? `250 ${name}` : rejection;
        const flows = output.write(`${reply}\r\n`);
        if (verb === "quit") {
          leave();
          return;
        }
        if (!flows) waitForReader();
      }
    };
    const waitForReader = (): void => {
      input.pause();
      output.once("drain", () => {
        if (!signal.aborted) input.resume();
      });
    };
    const leave = (): void => {
      input.off("data", take).off("end", leave).off("close", leave);
      done();
    };
    signal.addEventListener("abort", leave, { once: true });
    output.on("error", leave);
    input.on("error", leave).once("end", leave).once("close", leave).on("data", take);
  });
}
