/**
 * Debian's OpenSMTPD, from its unpacked package. Its own limits on mails and connections are lifted; its listen backlog of 5 is in
 * its code and stays: with one message per connection clients wait for SYN retries.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { answers } from "../tools/load.ts";
import { freePort, waitUntil } from "../tools/processes.ts";
import { mailUser, startHoused } from "./private-root.ts";
import { type Absent, type Bed, type Contender, type Server, untilReady } from "./server.ts";
import { type Unpacked, unpack } from "./unpack.ts";

const connectionLimits = ["host", "route", "source", "relay", "connector", "domain"];
const connectionDelays = ["host", "source", "relay", "connector", "domain"];

function smtpdConf({ relays }: Bed, port: number): string {
  const routes = Object.entries(relays);
  return [
    `listen on 127.0.0.1 port ${port}`,
    "smtp limit max-mails 100000",
    ...connectionLimits.map((what) => `mta limit max-conn-per-${what} 100`),
    ...connectionDelays.map((what) => `mta limit conn-delay-${what} 0`),
    "mta limit reconn-delay-route 0",
    "mta limit session-mail-max 1000",
    'action "in" maildir',
    ...routes.map(([domain, sink]) => `action "${domain}" relay host smtp://127.0.0.1:${sink}`),
    'match from any for domain "in.test" action "in"',
    ...routes.map(([domain]) => `match from any for domain "${domain}" action "${domain}"`),
    "",
  ].join("\n");
}

const ids = { opensmtpd: 64_901, opensmtpq: 64_902 } as const;

async function start(unpacked: Unpacked, bed: Bed): Promise<Server> {
  const port = await freePort();
  const empty = "/var/lib/opensmtpd/empty";
  const housed = startHoused(
    unpacked,
    bed,
    {
      etc: { "smtpd.conf": smtpdConf(bed, port) },
      users: { opensmtpd: { id: ids.opensmtpd, home: empty }, opensmtpq: { id: ids.opensmtpq, home: empty } },
      folders: { "spool/smtpd": { owner: 0, mode: 0o711 }, "lib/opensmtpd/empty": { owner: 0, mode: 0o755 } },
    },
    ["/usr/sbin/smtpd", "-d", "-f", "/etc/smtpd.conf"],
  );
  const isReady = (): Promise<boolean> => {
    housed.refuseEnded();
    return answers(port);
  };
  const ready = (): Promise<void> => waitUntil("OpenSMTPD answers", isReady, { withinMs: 15_000, everyMs: 50 });
  await untilReady(ready, housed.stop, () => readFileSync(housed.log, "utf8"));
  return {
    pid: housed.pid,
    port,
    inAddress: `${mailUser.name}@in.test`,
    newFolder: join(housed.mailFolder, "Maildir", "new"),
    stop: housed.stop,
  };
}

/** OpenSMTPD, or why it cannot take part. */
export function findOpensmtpd(): Contender | Absent {
  const unpacked = unpack("opensmtpd");
  if (typeof unpacked === "string") return { name: "OpenSMTPD", absent: unpacked };
  return { name: "OpenSMTPD", version: unpacked.version, start: (bed) => start(unpacked, bed) };
}
