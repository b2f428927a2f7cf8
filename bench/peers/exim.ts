/**
 * Debian's Exim (daemon-light), from its unpacked packages. Its limits on connections are lifted and its queue is split; every message is
 * delivered at once by a process of its own, as shipped. After QUIT it polls 200 ms for the client to close: with one session and
 * one message per connection that is what is measured.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { answers } from "../tools/load.ts";
import { freePort, waitUntil } from "../tools/processes.ts";
import { mailUser, startHoused } from "./private-root.ts";
import { type Absent, type Bed, type Contender, type Server, untilReady } from "./server.ts";
import { type Unpacked, unpack } from "./unpack.ts";

const eximUid = 64_903;

function eximConf({ folder, relays }: Bed, port: number): string {
  const routes = Object.entries(relays);
  const routers = routes.map(
    ([domain], at) => `relay${at}:
  driver = manualroute
  domains = ${domain}
  transport = sink${at}
  route_list = * 127.0.0.1
  self = send
  no_more
`,
  );
  const transports = routes.map(
    ([, sink], at) => `sink${at}:
  driver = smtp
  port = ${sink}
  allow_localhost
  hosts_avoid_tls = *
  hosts_try_dane =
`,
  );
  return `primary_hostname = bench.test
daemon_smtp_ports = ${port}
local_interfaces = 127.0.0.1
tls_advertise_hosts =
keep_environment =
split_spool_directory = true
smtp_accept_max = 600
smtp_accept_max_per_host = 0
smtp_accept_queue_per_connection = 0
smtp_connect_backlog = 1024
host_lookup =
rfc1413_hosts =
rfc1413_query_timeout = 0s
helo_allow_chars = _
acl_smtp_rcpt = accept_all
acl_smtp_data = accept_all
begin acl
accept_all:
  accept
begin routers
in:
  driver = accept
  domains = in.test
  transport = maildir
  no_more
${routers.join("")}begin transports
maildir:
  driver = appendfile
  maildir_format
  directory = ${folder}/mail/Maildir
  create_directory
  user = ${mailUser.name}
  group = ${mailUser.name}
${transports.join("")}begin retry
* * F,1h,1m
`;
}

async function start(unpacked: Unpacked, bed: Bed): Promise<Server> {
  const port = await freePort();
  const owned = { owner: eximUid, mode: 0o750 };
  const housed = startHoused(
    unpacked,
    bed,
    {
      etc: { "exim4/exim4.conf": eximConf(bed, port) },
      users: { "Debian-exim": { id: eximUid, home: "/var/spool/exim4" } },
      folders: { "spool/exim4": owned, "log/exim4": owned },
    },
    ["/usr/sbin/exim4", "-bdf", "-q1h"],
  );
  const log = (): string => readFileSync(housed.log, "utf8");
  const isReady = (): Promise<boolean> => {
    housed.refuseEnded();
    return answers(port);
  };
  const ready = (): Promise<void> => waitUntil("Exim answers", isReady, { withinMs: 15_000, everyMs: 50 });
  await untilReady(ready, housed.stop, log);
  return {
    pid: housed.pid,
    port,
    inAddress: `${mailUser.name}@in.test`,
    newFolder: join(housed.mailFolder, "Maildir", "new"),
    stop: housed.stop,
  };
}

/** Exim, or why it cannot take part. */
export function findExim(): Contender | Absent {
  const unpacked = unpack("exim4-daemon-light");
  if (typeof unpacked === "string") return { name: "Exim", absent: unpacked };
  return { name: "Exim", version: unpacked.version, start: (bed) => start(unpacked, bed) };
}
