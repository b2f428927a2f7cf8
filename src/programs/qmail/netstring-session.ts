import { once } from "node:events";
import { type ByteString, utf8ToByteString } from "#bytes";
import { networkTraceLine } from "#message";
import type { ProgramCall } from "#process";
import { NetstringEnd } from "#qmtp";

/** qmail-qmtpd and qmail-qmqpd give up after an hour, whatever the peer does (spec 2.17). */
const alarmMs = 3_600_000;
const resources = 111;

/** The trace line of a connection that tcpserver describes in the environment. */
export function traceLineFrom(env: NodeJS.ProcessEnv, protocol: "QMTP" | "QMQP", now: Date): ByteString {
  const fact = (name: string): ByteString | null => (env[name] === undefined ? null : utf8ToByteString(env[name]));
  return networkTraceLine(
    {
      protocol,
      remoteHost: fact("TCPREMOTEHOST") ?? "unknown",
      remoteIp: fact("TCPREMOTEIP") ?? "unknown",
      remoteInfo: fact("TCPREMOTEINFO"),
      localName: fact("TCPLOCALHOST") ?? fact("TCPLOCALIP") ?? "unknown",
      helo: null,
    },
    now,
  );
}

/** Writes a reply and waits while the peer does not read. */
export async function writeReply(call: ProgramCall, reply: Buffer): Promise<void> {
  if (!call.stdout.write(reply)) await once(call.stdout, "drain");
}

/** Runs a conversation on stdin under the alarm; resolves with the exit code qmail's program would have. */
export async function underAlarm(call: ProgramCall, converse: () => Promise<void>): Promise<number> {
  let isLate = false;
  const { stdin } = call;
  const alarm = setTimeout(() => {
    isLate = true;
    stdin.destroy(new NetstringEnd(resources));
  }, alarmMs);
  try {
    await converse();
    return 0;
  } catch (error) {
    if (isLate) return resources;
    if (error instanceof NetstringEnd) return error.exitCode;
    // The peer reset the connection: it is gone, which is not an error of this program.
    if (stdin.errored !== null) return 0;
    throw error;
  } finally {
    clearTimeout(alarm);
  }
}
