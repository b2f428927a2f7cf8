import { type ByteString, toBytes, utf8ToByteString } from "#bytes";
import { findHome } from "#control";
import { permanent } from "#mail";
import type { Program } from "#process";
import { attempt, openWorld, type Report, remoteTexts, renderReport } from "#remote";

const misused = permanent("I (qmail-remote) was invoked improperly. (#5.3.5)\n");

/**
 * `qmail-remote host sender recip [recip ...]`: sends the message on stdin, reports on stdout in NUL-ended parts, exits 0
 * always (spec 2.8). It remembers no dead hosts: that memory lives in the remote service.
 */
export const main: Program = async ({ args, env, stdin, stdout }) => {
  const [host, sender, first, ...others] = args.map(utf8ToByteString);
  if (host === undefined || sender === undefined || first === undefined) {
    stdout.write(toBytes(renderReport({ recipients: [], message: misused })));
    return 0;
  }
  const report = await send(findHome(env), host, sender, [first, ...others], stdin);
  stdout.write(toBytes(renderReport(report)));
  return 0;
};

async function send(
  home: string,
  host: ByteString,
  sender: ByteString,
  recipients: readonly [ByteString, ...ByteString[]],
  message: AsyncIterable<Uint8Array>,
): Promise<Report> {
  const world = openWorld(home);
  try {
    // What is on stdin is not known before it is read: no size is told, and 8-bit text must be reckoned with.
    const body = { sizeBytes: null, eightBit: true, pieces: () => message };
    return await attempt(host, { sender, recipients, body }, world);
  } catch {
    return { recipients: [], message: remoteTexts.noResources }; // A bug of ours: qmail-remote exits 0 whatever happens.
  } finally {
    world.pool.close();
  }
}
