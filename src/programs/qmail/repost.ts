import { type ByteString, utf8ToByteString } from "#bytes";
import { findHome } from "#control";
import { callerOrigin, posterFor } from "#inject";
import { forwardMessage } from "#local";
import { exitCodeFor, type ReversePath } from "#mail";
import type { ProgramCall } from "#process";

/** A message a helper program queues, and how it says so. */
export type Repost = {
  readonly name: string;
  readonly sender: ByteString;
  readonly recipients: readonly ByteString[];
  readonly onTop: ByteString;
  readonly message: AsyncIterable<Uint8Array>;
};

/** Complains in the way of qmail's small programs: `forward: fatal: NEWSENDER not set`. */
export function fatal(call: ProgramCall, name: string, why: string, code: number): number {
  call.stderr.write(Buffer.from(`${name}: fatal: ${why}\n`, "latin1"));
  return code;
}

/** A variable as a byte string; undefined if it is not set. */
export function variable(call: ProgramCall, name: string): ByteString | undefined {
  const value = call.env[name];
  return value === undefined ? undefined : utf8ToByteString(value);
}

/** Queues a message. The queue's number (0 where it gives none), or the exit code once the trouble has been told. */
export async function repost(
  call: ProgramCall,
  what: Repost,
): Promise<{ readonly queueId: number } | { readonly code: number }> {
  const poster = await posterFor(call.env, findHome(call.env));
  try {
    const answer = await forwardMessage(poster, {
      ...what,
      // An address that no queue takes is refused there.
      sender: what.sender as ReversePath,
      origin: callerOrigin(),
    });
    if (answer.fate === "done") return { queueId: answer.queueId ?? 0 };
    return { code: fatal(call, what.name, answer.text, exitCodeFor(answer.fate)) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { code: fatal(call, what.name, `unable to read message: ${why}`, 111) };
  } finally {
    await poster.close();
  }
}
