import type { Manual } from "../manual.ts";

/** A verb that is a command of qmailctl, too. */
const ctl = (verb: string, purpose: string, ...description: readonly string[]): Manual => ({
  name: `quail ${verb}`,
  section: 8,
  purpose,
  synopsis: [`quail ${verb}`],
  description: [...description, `The same as qmailctl ${verb}.`],
  exitCodes: [
    ["0", "done"],
    ["1", "no Quail runs on this home"],
    ["111", "it did not work; the reason is on standard error"],
  ],
  seeAlso: ["qmailctl", "quail start"],
});

/** `quail` and its verbs. */
export const manuals: readonly Manual[] = [
  {
    name: "quail",
    section: 8,
    purpose: "the mail system: its verbs, and every program of qmail",
    synopsis: ["quail VERB ...", "quail PROGRAM ..."],
    description: [
      "quail VERB does one thing with a whole mail system: start it, look at its queue, change its settings. quail help lists the verbs.",
      "quail PROGRAM runs one of the classic programs, as does a link to quail that is named after the program. A program or verb whose only argument is --help says how it is called, and does nothing else.",
    ],
    environment: [["QUAIL_HOME", "The home to work on. Otherwise /var/qmail, or the folder var of this checkout."]],
    exitCodes: [
      ["0", "done"],
      ["100", "called wrongly, or there is no such verb or program"],
      ["111", "not now: the reason is on standard error"],
    ],
  },
  ctl(
    "stop",
    "stop the mail system",
    "Nothing more comes in, deliveries under way are finished, then every process ends. Waits until they have.",
  ),
  ctl(
    "restart",
    "start the services anew",
    "Stops and starts what receives mail, and the queue, so that they read all settings again. The supervisor and the couriers stay.",
  ),
  ctl("reload", "read locals and virtualdomains again", "Sends HUP. Messages in the queue keep the route they have."),
  ctl(
    "doqueue",
    "try every waiting message now",
    "Forgets which hosts did not answer, and makes every message due now.",
  ),
  ctl("flush", "try every waiting message now", "The same as quail doqueue."),
  ctl("stat", "show what runs", "Shows each process and how long it has lived, and counts the messages in the queue."),
  ctl("pause", "stand still", "The queue and what receives mail stop where they are; clients wait for quail cont."),
  ctl("cont", "go on after a pause", "The queue and what receives mail go on."),
  ctl(
    "cdb",
    "look tcp.smtp over",
    "control/tcp.smtp is read at each connection and needs no compiling: its lines are checked. /etc/tcp.smtp, if there is one, is compiled for tcpserver by tcprules.",
  ),
  {
    name: "quail setup",
    section: 8,
    purpose: "set a home up for this host",
    synopsis: [
      "quail setup ADDRESS [ HOSTNAME ]",
      "quail setup adopt [ DIR ]",
      "quail setup accounts",
      "quail setup systemd [ --sockets ] [ DIR ]",
    ],
    description: [
      "Makes the first control files, from HOSTNAME as config-fast does, or from DNS as config does; sends mail for postmaster, mailer-daemon, root and abuse to ADDRESS; and lets this machine itself relay. What is there already stays.",
      "adopt takes the place of an installed qmail: its queue and bin folders are renamed to queue.qmail and bin.qmail, everything else is used as it is. Stop qmail first. Renaming both again goes back.",
      "accounts prints the shell commands that make an account for each role (qmaild, qmailq, qmailr, qmaill, alias); a start as root finds them and then runs each service under its own. control/roleaccounts names others.",
      "systemd prints a unit for this home, or writes it to DIR. With --sockets there is a unit for each port in control/startoptions too, and systemd opens the ports.",
    ],
    files: [
      ["control/", "me, locals, rcpthosts, defaultdomain, plusdomain, tcp.smtp."],
      ["alias/", ".qmail-postmaster and the others."],
    ],
    exitCodes: [
      ["0", "done"],
      ["100", "called wrongly, or it makes no sense here; the reason is on standard error"],
      ["111", "DNS has no name for this machine, or a file cannot be written"],
    ],
    seeAlso: ["config", "config-fast", "quail check", "quail start"],
  },
  {
    name: "quail check",
    section: 8,
    purpose: "look for everything that makes mail wait or go astray",
    synopsis: ["quail check [ --json ] [ --offline ]"],
    description: [
      "Looks over the home's folders (owners, modes), control files, tcp rules, users/assign, the accounts and homes of everybody who gets mail and their .qmail files, the limit on open files, the address DNS has for control/me, and whether this host's SMTP server answers there. Says what is wrong file by file: an error loses or stops mail, a warning may.",
      "Changes nothing and sends no mail. Root sees all homes; anybody else sees what he may.",
    ],
    options: [
      ["--json", "One array of objects with file, line, level and reason."],
      ["--offline", "Ask no DNS, and connect nowhere."],
    ],
    exitCodes: [
      ["0", "no errors; there may be warnings"],
      ["1", "errors were found"],
      ["111", "the control files cannot be read at all"],
    ],
    seeAlso: ["instcheck", "quail config", "quail explain", "qmail-showctl"],
  },
];
