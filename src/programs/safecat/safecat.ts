import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { errorText, fsyncDirectory } from "#files";
import { fineClock } from "#log/multilog";
import { type Program, type ProgramCall, UsageError } from "#process";

/** The whole of it may take so long: what writes to a Maildir must not lie in tmp/ for longer. */
const longestMs = 86_400_000;
/** How often a name that is taken is followed by another try, and after which wait. */
const tries = 3;
const waitMs = 2_000;

const fatal = (text: string): UsageError => new UsageError(`safecat: fatal: ${text}`, 111);

/**
 * `safecat TMPDIR DESTDIR`: writes standard input to a new file of the folder, which is there only when it is whole and on disk; its name is
 * printed. Nothing is left if it fails (100 wrong usage, 111 all else).
 */
export const main: Program = async (call) => {
  const [temporary, destination, ...more] = call.args;
  if (temporary === undefined || destination === undefined || more.length > 0) {
    throw new UsageError("safecat: usage: safecat <tempdir> <destdir>");
  }
  return safecat(call, resolve(call.cwd, temporary), resolve(call.cwd, destination));
};

async function safecat(call: ProgramCall, temporary: string, destination: string): Promise<number> {
  const { access, constants, link, stat, unlink } = await import("node:fs/promises");
  for (const folder of [temporary, destination]) {
    const problem = await stat(folder).then(
      (found) => (found.isDirectory() ? null : "not a directory"),
      (error: unknown) => errorText(error),
    );
    if (problem !== null) throw fatal(`could not stat directory: ${problem}`);
    await access(folder, constants.W_OK).catch((error: unknown) => {
      throw fatal(`could not write to directory: ${errorText(error)}`);
    });
  }
  const { name, handle } = await create(call, temporary);
  const file = join(temporary, name);
  try {
    const limit = AbortSignal.any([call.signal, AbortSignal.timeout(longestMs)]);
    await pipeline(call.stdin, handle.createWriteStream({ flush: true }), { signal: limit });
    await link(file, join(destination, name));
    await fsyncDirectory(destination);
  } catch (error) {
    throw fatal(`unable to write ${file}: ${errorText(error)}`);
  } finally {
    await handle.close().catch(() => {}); // The stream has closed it, if it came so far.
    await unlink(file).catch(() => {}); // Left behind it is old mail's tmp/, which is swept.
  }
  call.stdout.write(`${name}\n`);
  return 0;
}

/** A new file under a name that nobody has: `TIME.M<microseconds>P<pid>.HOST`. */
async function create(call: ProgramCall, temporary: string) {
  const { open } = await import("node:fs/promises");
  const clock = fineClock();
  for (let left = tries; ; left--) {
    const { seconds, nanoseconds } = clock();
    const host = hostname().replaceAll("/", "\\057").replaceAll(":", "\\072");
    const name = `${seconds}.M${Math.floor(nanoseconds / 1000)}P${call.pid}.${host}`;
    try {
      return { name, handle: await open(join(temporary, name), "wx", 0o644) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST" || left === 1) {
        throw fatal(`could not create ${join(temporary, name)}: ${errorText(error)}`);
      }
      await new Promise((wake) => setTimeout(wake, waitMs));
    }
  }
}
