import type { Readable } from "node:stream";
import { checkLogin, type Identity, maxCredentialBytes, openLoginSources, parseCredentials } from "#auth";
import { displayText } from "#bytes";
import { findHome } from "#control";
import { errorText } from "#files";
import type { Program, ProgramCall } from "#process";

/** The interface's exit codes: refused; misused; for now. */
const refused = 1;
const misused = 2;
const later = 111;

/**
 * `checkpassword program [arg ...]`: reads a login and its password on descriptor 3, becomes that user in their home, and goes on to
 * the program with USER, HOME and SHELL set. Asks control/poppasswd, then the system's accounts. Exit codes 1 refused, 2 misused,
 * 111 trouble; the reason of trouble is a line on stderr.
 */
export const main: Program = async (call) => {
  const [program, ...rest] = call.args;
  const input = call.input(3);
  if (program === undefined || input === null) return misused;
  const bytes = await readAll(input);
  if (bytes === null) return refused;
  const given = parseCredentials(bytes);
  bytes.fill(0);
  if (given === null) return misused;
  const verdict = await checkLogin(given, openLoginSources(findHome(call.env)));
  if (verdict.kind === "no") return refused;
  if (verdict.kind === "later") return trouble(call, verdict.reason);
  const problem = become(call, verdict.who);
  if (problem !== null) return trouble(call, problem);
  const [user, home, shell] = [verdict.who.user, verdict.who.home, verdict.who.shell].map(displayText);
  return call.exec([program, ...rest], {
    lastOf: "checkpassword",
    env: { ...call.env, USER: user, HOME: home, SHELL: shell },
    cwd: home ?? "/",
  });
};

/** Everything on the descriptor; null if it is more than the interface allows. */
async function readAll(input: Readable): Promise<Buffer | null> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of input as AsyncIterable<Buffer>) {
    pieces.push(piece);
    length += piece.length;
    if (length >= maxCredentialBytes) return null;
  }
  return Buffer.concat(pieces);
}

function trouble(call: ProgramCall, reason: string): number {
  call.stderr.write(`checkpassword: ${displayText(reason)}\n`);
  return later;
}

/** Becomes the user; why it cannot be, or null. */
function become(call: ProgramCall, { uid, gid, user, isSystem }: Identity): string | null {
  if (uid === process.getuid?.() && uid !== 0) return null;
  if (call.become === null) return `cannot become uid ${uid} inside another program's process`;
  try {
    call.become({ uid, gid, account: isSystem ? displayText(user) : null });
    return null;
  } catch (error) {
    return `unable to become uid ${uid}: ${errorText(error)}`;
  }
}
