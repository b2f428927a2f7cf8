/** The verbs of `quail`: what is new beside the classic programs. A module is loaded when its verb is used, not before. */
import type { Program } from "#process";

/** One verb: a line for `quail help`, and its program. */
export type Verb = {
  readonly summary: string;
  readonly load: () => Promise<{ readonly main: Program }>;
};

/** A command of qmailctl as a verb. */
const ctl = (name: string) => async () => ({ main: (await import("./ctl.ts")).verb(name) });

export const verbs: ReadonlyMap<string, Verb> = new Map<string, Verb>([
  ["config", { summary: "look at, check and change the control files", load: () => import("./config.ts") }],
  ["check", { summary: "look for everything that makes mail wait or go astray", load: () => import("./check.ts") }],
  ["explain", { summary: "how an address is routed, and by which file and line", load: () => import("./explain.ts") }],
  ["import", { summary: "take the queue of a qmail installation in", load: () => import("./import.ts") }],
  ["cert", { summary: "show, make, get and renew certificates", load: () => import("./cert.ts") }],
  ["dkim", { summary: "make and rotate DKIM keys, and print their DNS records", load: () => import("./dkim.ts") }],
  [
    "dns",
    { summary: "the DNS records a mail domain needs, and whether they are right", load: () => import("./dns.ts") },
  ],
  ["passwd", { summary: "set a mailbox password", load: () => import("./passwd.ts") }],
  ["queue", { summary: "list, show, hold, retry, expire, remove queued messages", load: () => import("./queue.ts") }],
  ["report", { summary: "what the logs tell: sums, charts, a page", load: () => import("./report.ts") }],
  ["trace", { summary: "the story of one message, out of all logs", load: () => import("./trace.ts") }],
  [
    "setup",
    {
      summary: "set a home up for this host, or in place of an installed qmail",
      load: async () => ({ main: (await import("./setup.ts")).setup }),
    },
  ],
  ["help", { summary: "list the verbs and programs", load: () => import("./help.ts") }],
  ["man", { summary: "the manual of a verb, a program or a file", load: () => import("./man.ts") }],
  ["start", { summary: "run the whole mail system", load: () => import("./start.ts") }],
  ["stop", { summary: "stop the mail system that runs on this home", load: ctl("stop") }],
  ["restart", { summary: "start its services anew, so that they read all settings", load: ctl("restart") }],
  ["reload", { summary: "send HUP: read control/locals and virtualdomains again", load: ctl("reload") }],
  ["doqueue", { summary: "try every waiting message now, and dead hosts too", load: ctl("doqueue") }],
  ["flush", { summary: "the same as doqueue", load: ctl("flush") }],
  ["stat", { summary: "what runs, and how many messages are in the queue", load: ctl("stat") }],
  ["pause", { summary: "take no mail and deliver none until cont", load: ctl("pause") }],
  ["cont", { summary: "go on after a pause", load: ctl("cont") }],
  ["cdb", { summary: "look tcp.smtp over, and compile /etc/tcp.smtp", load: ctl("cdb") }],
]);
