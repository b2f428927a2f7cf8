import type { Manual, ManualRow } from "../manual.ts";

const home: ManualRow = ["QUAIL_HOME", "The home. Otherwise /var/qmail, or the folder var of the checkout."];
const peer: readonly ManualRow[] = [
  ["TCPREMOTEIP, TCPREMOTEHOST, TCPREMOTEINFO", "Who the client is: address, name, user."],
  ["TCPLOCALHOST, TCPLOCALIP", "Who this host is."],
];
const relaying: readonly ManualRow[] = [
  ["RELAYCLIENT", "If set, the client may send to any domain; its value is appended to each recipient."],
  ["DATABYTES", "In place of control/databytes; 0 is no limit."],
  ["QMAILQUEUE", "The program that takes messages, in place of the queue."],
];

/** Servers on standard input and output, and what looks after queue, users and settings. */
export const manuals: readonly Manual[] = [
  {
    name: "qmail-smtpd",
    section: 8,
    purpose: "receive mail by SMTP on standard input and output",
    synopsis: ["qmail-smtpd"],
    description: [
      "Speaks SMTP with a client whose connection is standard input and output, as tcpserver, inetd or systemd make it. quail start has a server of its own; this program is for the others, and for tests by hand.",
      "Offers PIPELINING, 8BITMIME, SIZE, SMTPUTF8, CHUNKING, ENHANCEDSTATUSCODES and LIMITS. HELO is not required. Mail is accepted for the domains in control/rcpthosts, or for all if RELAYCLIENT is set; without control/rcpthosts for none, unless control/openrelay says so.",
      "Recipients here must exist, if control/rcptcheck says so; without that file, if this home has a running local service to ask.",
      "What happens is told on standard error, a line each; see qmail-log.",
    ],
    environment: [...peer, ...relaying, home],
    files: [
      ["control/rcpthosts, control/morercpthosts.cdb", "Domains that mail is accepted for."],
      ["control/badmailfrom, control/badrcptto", "Senders and recipients that are refused."],
      [
        "control/badmailfrompatterns, control/badrcptpatterns, control/badhelo",
        "The same by patterns, and HELO names. * is anything; a line with ! before it allows; the last line that fits decides.",
      ],
      [
        "control/relayreject",
        "Whether recipients with @, % or ! before their domain are refused from clients that may not relay.",
      ],
      ["control/smtpgreeting", "The greeting."],
      ["control/timeoutsmtpd", "How long to wait for the client, in seconds."],
      ["control/databytes, control/maxrcpt", "Limits on a message."],
    ],
    exitCodes: [
      ["0", "the client said QUIT"],
      ["1", "the session ended otherwise"],
    ],
    seeAlso: ["qmail-control", "qmail-log", "tcp-environ", "qmail-queue"],
  },
  {
    name: "qmail-qmtpd",
    section: 8,
    purpose: "receive mail by QMTP on standard input and output",
    synopsis: ["qmail-qmtpd"],
    description: [
      "The same as qmail-smtpd for QMTP, usually on port 209: any number of messages per connection, an answer for each recipient. The rules about relaying and sizes are those of SMTP.",
    ],
    environment: [...peer, ...relaying, home],
    exitCodes: [
      ["0", "the client is done"],
      ["100", "it does not speak QMTP"],
      ["111", "not now, or it took more than an hour"],
    ],
    seeAlso: ["qmail-smtpd", "qmail-qmqpd"],
  },
  {
    name: "qmail-qmqpd",
    section: 8,
    purpose: "receive mail by QMQP on standard input and output",
    synopsis: ["qmail-qmqpd"],
    description: [
      "Takes one message for any recipients, from anybody: who may connect is for tcpserver's rules to say. Usually on port 628, for hosts whose qmail-queue is qmail-qmqpc.",
    ],
    environment: [...peer, ["QMAILQUEUE", "The program that takes messages, in place of the queue."], home],
    exitCodes: [
      ["0", "the client is done"],
      ["100", "it does not speak QMQP"],
      ["111", "not now, or it took more than an hour"],
    ],
    seeAlso: ["qmail-qmqpc", "qmail-qmtpd"],
  },
  {
    name: "qmail-qread",
    section: 8,
    purpose: "list the queue",
    synopsis: ["qmail-qread"],
    description: [
      "For each message: when it came, its number, its size, its sender, bouncing if a bounce is owed; then a line for each recipient, with done if it is finished. May be run by root and by the queue's owner, whether Quail runs or not.",
    ],
    environment: [home],
    exitCodes: [
      ["0", "listed"],
      ["111", "the queue cannot be read"],
    ],
    seeAlso: ["qmail-qstat", "quail queue"],
  },
  {
    name: "qmail-qstat",
    section: 8,
    purpose: "count the queue",
    synopsis: ["qmail-qstat"],
    description: [
      "Prints how many messages are in the queue, and how many of them nobody has looked at yet: those in queue/drop, which were left while the queue service was down.",
    ],
    environment: [home],
    exitCodes: [
      ["0", "counted"],
      ["111", "the queue cannot be read"],
    ],
    seeAlso: ["qmail-qread", "quail queue"],
  },
  {
    name: "qmail-tcpto",
    section: 8,
    purpose: "list hosts that did not answer",
    synopsis: ["qmail-tcpto"],
    description: [
      "A host that let two connections time out, two minutes or more apart, is left alone for about an hour. Prints each with its age and count. Asks the running remote service.",
    ],
    environment: [home],
    exitCodes: [
      ["0", "listed"],
      ["111", "the remote service does not run"],
    ],
    seeAlso: ["qmail-tcpok", "qmail-remote"],
  },
  {
    name: "qmail-tcpok",
    section: 8,
    purpose: "forget hosts that did not answer",
    synopsis: ["qmail-tcpok"],
    description: ["Empties the list that qmail-tcpto shows, so that the next attempt connects at once."],
    environment: [home],
    exitCodes: [
      ["0", "forgotten"],
      ["111", "the remote service does not run"],
    ],
    seeAlso: ["qmail-tcpto"],
  },
  {
    name: "qmail-showctl",
    section: 8,
    purpose: "explain the settings",
    synopsis: ["qmail-showctl [ --json | --warnings ]"],
    description: ["Says in a sentence what each control file means as it stands, and names files nothing reads."],
    options: [
      ["--json", "The same for programs."],
      ["--warnings", "Only what is wrong, as quail config check finds it."],
    ],
    environment: [home],
    exitCodes: [
      ["0", "said"],
      ["1", "with --warnings: there is something wrong"],
      ["111", "control/ cannot be read"],
    ],
    seeAlso: ["qmail-control", "quail config"],
  },
  {
    name: "qmail-newu",
    section: 8,
    purpose: "compile users/assign",
    synopsis: ["qmail-newu"],
    description: [
      "Makes users/cdb from users/assign, in one step: deliveries see the old or the new file. If users/assign has a mistake, the old cdb stays, and a line on standard error says which line is meant.",
    ],
    environment: [home],
    files: [
      ["users/assign", "Addresses and their users."],
      ["users/cdb", "The same, compiled."],
    ],
    exitCodes: [
      ["0", "compiled"],
      ["111", "nothing has changed"],
    ],
    seeAlso: ["qmail-users", "qmail-pw2u"],
  },
  {
    name: "qmail-newmrh",
    section: 8,
    purpose: "compile control/morercpthosts",
    synopsis: ["qmail-newmrh"],
    description: ["Makes control/morercpthosts.cdb from control/morercpthosts, in one step. SMTP sees it at once."],
    environment: [home],
    exitCodes: [
      ["0", "compiled"],
      ["111", "nothing has changed"],
    ],
    seeAlso: ["qmail-control"],
  },
  {
    name: "qmail-pw2u",
    section: 8,
    purpose: "make users/assign from the system's accounts",
    synopsis: ["qmail-pw2u [ -ohHuUC/ ] [ -cCHARACTER ] < PASSWD > ASSIGN"],
    description: [
      "Reads lines as in /etc/passwd and writes an assignment for each user who gets mail: for his name, and for his name with extensions. Root gets none. The account alias gets what nobody else does.",
    ],
    options: [
      ["-o", "Leave out users whose home is missing, or not theirs. The default."],
      ["-h", "Stop if a home is missing; for times when a file server may be down."],
      ["-H", "Do not look at homes."],
      ["-U", "Leave out names with upper case. The default."],
      ["-u", "Let them in."],
      ["-cCHARACTER", "What separates a name from its extension; - unless told."],
      ["-C", "No extensions."],
      ["-/", "Extensions in .qmail-/EXT files."],
    ],
    environment: [home],
    files: [
      ["users/include", "If it is there: only these users."],
      ["users/exclude", "Not these."],
      ["users/mailnames", "USER:NAME:NAME...: names for a user, in place of his own."],
      ["users/subusers", "SUB:USER:PRE:. mail for SUB is USER's, under .qmail-PRE."],
      ["users/append", "Lines that are copied to the end."],
    ],
    exitCodes: [
      ["0", "written"],
      ["100", "called wrongly"],
      ["111", "not now; the output is not complete"],
    ],
    seeAlso: ["qmail-newu", "qmail-users", "qmail-getpw"],
  },
  {
    name: "qmail-getpw",
    section: 8,
    purpose: "find the system account an address belongs to",
    synopsis: ["qmail-getpw LOCAL"],
    description: [
      "Prints user, uid, gid, home, dash and extension, each ended by a NUL, for a local part; users/cdb is not asked. The longest account name that ends at a hyphen or the end counts, in lower case. The account must not be root, and own its home. What is nobody's belongs to alias.",
    ],
    environment: [home],
    exitCodes: [
      ["0", "found"],
      ["100", "no argument"],
      [
        "115, 116, 118",
        "a home cannot be reached for now; there is no alias account; the accounts cannot be read for now",
      ],
    ],
    seeAlso: ["qmail-users", "quail explain"],
  },
];
