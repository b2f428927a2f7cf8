/**
 * Debian's Postfix as an instance of its own: own configuration, queue, data and log folder and loopback port; the system's
 * instance is neither used nor changed. Set for fairness as in the comparison that DESIGN section 10 quotes: no limit that
 * a test of speed would hit first, no DNS, durability as shipped. Mail for in.test goes to a Maildir through virtual(8), which is
 * lighter than local(8); mail for out.test is relayed to the sink. Needs root, because Postfix's master does.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { getuid } from "node:process";
import { answers } from "../tools/load.ts";
import { commandOf, treePids } from "../tools/process-tree.ts";
import { freePort, refuseEnded, startLogged, stopTree, waitUntil } from "../tools/processes.ts";
import { type Absent, type Bed, type Contender, type Server, untilReady, wrapped } from "./server.ts";

/** nobody and nogroup on every Debian: an unprivileged owner for the Maildir. */
const mailboxUid = 65534;

const sendmail = "/usr/sbin/sendmail";

function mainCf({ folder, relays, perDestination = 100, tls }: Bed): string {
  const routes = Object.entries(relays).map(([domain, port]) => `${domain}=smtp:[127.0.0.1]:${port}`);
  return `compatibility_level = 3.6
queue_directory = ${folder}/queue
data_directory = ${folder}/data
mail_owner = postfix
setgid_group = postdrop
maillog_file = ${folder}/log/postfix.log
maillog_file_prefixes = ${folder}
myhostname = bench.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
local_recipient_maps =
biff = no
virtual_mailbox_domains = in.test
virtual_mailbox_base = ${folder}/mail
virtual_mailbox_maps = static:Maildir/
virtual_uid_maps = static:${mailboxUid}
virtual_gid_maps = static:${mailboxUid}
relay_domains = ${Object.keys(relays).join(", ")}
transport_maps = ${routes.length === 0 ? "" : `inline:{ ${routes.join(", ")} }`}
smtp_dns_support_level = disabled
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
default_process_limit = 200
in_flow_delay = 0
default_destination_concurrency_limit = ${perDestination}
initial_destination_concurrency = 20
qmgr_message_active_limit = 20000
${tls === undefined ? "" : `smtpd_tls_security_level = may\nsmtpd_tls_chain_files = ${tls}\n`}`;
}

/** The services of Debian's master.cf that this mail passes, none in a chroot, the SMTP server with room for 600 sessions. */
function masterCf(port: number): string {
  return `127.0.0.1:${port} inet n - n - 600 smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
`;
}

function numberOf(account: string): number {
  return Number(execFileSync("id", ["-u", account], { encoding: "utf8" }));
}

function layOut(bed: Bed, port: number): string {
  const config = join(bed.folder, "etc");
  for (const name of ["etc", "queue", "data", "mail", "log"]) mkdirSync(join(bed.folder, name), { recursive: true });
  chmodSync(bed.folder, 0o755);
  chownSync(join(bed.folder, "data"), numberOf("postfix"), -1);
  chownSync(join(bed.folder, "mail"), mailboxUid, mailboxUid);
  writeFileSync(join(config, "main.cf"), mainCf(bed));
  writeFileSync(join(config, "master.cf"), masterCf(port));
  return config;
}

async function start(bed: Bed): Promise<Server> {
  const port = await freePort();
  const config = layOut(bed, port);
  const words = wrapped(bed.wrapper, ["postfix", "-c", config, "start-fg"]);
  const log = join(bed.folder, "log", "start.log");
  const child = startLogged(words, log, bed.folder);
  const master = (): number | undefined => treePids(child.pid).find((pid) => commandOf(pid)[0]?.endsWith("/master"));
  const stop = (): Promise<void> => stopTree(child, master());
  const isReady = (): boolean | Promise<boolean> => {
    refuseEnded(child);
    return answers(port);
  };
  const ready = (): Promise<void> => waitUntil("Postfix answers", isReady, { withinMs: 30_000, everyMs: 50 });
  await untilReady(ready, stop, () => readFileSync(log, "utf8"));
  return {
    pid: child.pid,
    port,
    inAddress: "you@in.test",
    newFolder: join(bed.folder, "mail", "Maildir", "new"),
    flush: { words: ["postqueue", "-c", config, "-f"], env: {} },
    sendmail: { words: [sendmail, "-C", config, "-f", "sender@bench.test"], env: { MAIL_CONFIG: config } },
    stop,
  };
}

/** Postfix, or why it cannot take part. */
export function findPostfix(): Contender | Absent {
  if (getuid?.() !== 0) return { name: "Postfix", absent: "its master runs as root only" };
  try {
    const version = execFileSync("postconf", ["-h", "mail_version"], { encoding: "utf8" }).trim();
    return { name: "Postfix", version, start };
  } catch {
    return { name: "Postfix", absent: "not installed (apt-get install postfix)" };
  }
}
