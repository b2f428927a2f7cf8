import { MatchUp, pump, StreamTrouble } from "#analyse/matching";
import { errorText } from "#files";
import { type Program, type ProgramCall, writeAll } from "#process";

/** Where the pending lines go, and where mlmatchup finds those of the last run. */
const pendingFd = 5;
const earlierFd = 4;

/** Writes what is unfinished to descriptor 5; nothing at all may be unfinished without one. */
async function leavePending({ output }: ProgramCall, matchUp: MatchUp): Promise<void> {
  try {
    const out = output(pendingFd);
    for (const text of matchUp.pending()) {
      if (out === null) throw new Error("descriptor not open");
      await writeAll(out, Buffer.from(text, "latin1"));
    }
  } catch (error) {
    throw new StreamTrouble(`unable to write fd ${pendingFd}: ${errorText(error)}`);
  }
}

/** Both programs: the inputs one behind the other to stdout, then what is pending. */
async function match(call: ProgramCall, inputs: readonly AsyncIterable<unknown>[]): Promise<number> {
  const matchUp = new MatchUp();
  try {
    for (const input of inputs) await pump(input, call.stdout, matchUp);
    await leavePending(call, matchUp);
    return 0;
  } catch (error) {
    if (!(error instanceof StreamTrouble)) throw error;
    call.stderr.write(`${call.name}: fatal: ${error.message}\n`);
    return 111;
  }
}

/** `matchup`: qmail-send's log on stdin becomes one line per delivery and per message; what is not finished goes to descriptor 5. */
export const main: Program = (call) => match(call, [call.stdin]);

/** `mlmatchup`: the same as a processor of multilog, with the last run's pending lines on descriptor 4. */
export const mlmatchup: Program = (call) => {
  const earlier = call.input(earlierFd);
  return match(call, earlier === null ? [call.stdin] : [earlier, call.stdin]);
};
