import type { Manual } from "../manual.ts";

const dnsCodes = [
  ["0", "the answer is printed"],
  ["100", "hard error: there is no such thing"],
  ["111", "soft error: no telling now"],
] as const;

const readerManual = (name: string, reader: string): Manual => ({
  name,
  section: 1,
  purpose: `read Maildir mail with ${reader}`,
  synopsis: [`${name} [ ARGUMENT ... ]`],
  description: [
    `Moves all mail in the Maildir to the end of an mbox file, as maildir2mbox does, then runs ${reader} with the same arguments. If the move fails ${reader} does not run.`,
  ],
  environment: [
    ["MAILDIR", "The Maildir."],
    ["MAIL", "The mbox file."],
    ["MAILTMP", "A name beside it, for the new file while it is written."],
  ],
  exitCodes: [
    ["111", "the mail could not be moved, or there is no such reader"],
    ["other", "as the reader exits"],
  ],
  seeAlso: ["maildir2mbox"],
});

const roleManual = (name: string, service: string, did: string): Manual => ({
  name,
  section: 8,
  purpose: `a part of quail start: ${did}`,
  synopsis: [name],
  description: [
    `In qmail this daemon is started by qmail-start, on descriptors of its own; nobody starts it by hand. In Quail the service ${service} does its work, and this command only says so.`,
  ],
  exitCodes: [
    ["100", "qmail-lspawn without its argument"],
    ["111", "it cannot be started by itself"],
  ],
  seeAlso: ["qmail-start", "quail start"],
});

const homeRow = ["QUAIL_HOME", "The home; otherwise the one whose bin/ the link lies in, or /var/qmail."] as const;

/** Programs an administrator of qmail knows from the book and its scripts. */
export const manuals: readonly Manual[] = [
  {
    name: "splogger",
    section: 8,
    purpose: "hand log lines to syslog",
    synopsis: ["splogger [ TAG [ FACILITY ] ]"],
    description: [
      "Reads lines from standard input and hands each one to syslog, with a time stamp in front (seconds and microseconds since 1970). A line that begins with alert: or warning: has that priority, any other is info. What is not printable ASCII shows as ?. Empty lines are dropped.",
      "Lines are folded after 799 bytes: the rest follows with the same stamp and a + in place of the blank. syslog loses lines when it has much to do; a log that must be complete goes through multilog.",
    ],
    options: [
      ["TAG", "The name that stands in front of each line; splogger unless told."],
      ["FACILITY", "syslog's number for the kind of program; 2, which is mail, unless told."],
    ],
    environment: [["SYSLOG_SOCKET", "syslog's socket; /dev/log unless told."]],
    exitCodes: [
      ["0", "standard input has ended"],
      ["111", "syslog cannot be spoken to from here"],
    ],
    seeAlso: ["qmail-start"],
  },
  {
    name: "tcp-env",
    section: 1,
    purpose: "set the TCP variables of a connection, then run a program",
    synopsis: ["tcp-env [ -rR ] [ -t SECONDS ] PROGRAM [ ARGUMENT ... ]"],
    description: [
      "For inetd: standard input is a TCP connection. Sets PROTO, TCPLOCALIP, TCPLOCALPORT, TCPLOCALHOST, TCPREMOTEIP, TCPREMOTEPORT, TCPREMOTEHOST and TCPREMOTEINFO and goes on to PROGRAM. If PROTO is TCP already (tcpserver has been here), it changes nothing.",
      "A host without a name leaves its variable unset; softdnserror means that DNS does not say for now.",
    ],
    options: [
      ["-r", "Ask the other side's IDENT server for TCPREMOTEINFO; this is the default."],
      ["-R", "Do not ask it."],
      ["-t SECONDS", "How long to wait for IDENT; 30 unless told."],
    ],
    exitCodes: [
      ["100", "called wrongly, or there is no such program"],
      ["111", "standard input is no connection, or the program cannot be run now"],
      ["other", "as the program exits"],
    ],
    seeAlso: ["qmail-smtpd"],
  },
  {
    name: "maildirwatch",
    section: 1,
    purpose: "list the new mail of a Maildir on a terminal",
    synopsis: ["maildirwatch"],
    description: [
      "Every 30 seconds clears a VT100 screen and lists the new mail: sender and recipient in bold, and the beginning of subject and text. Changes nothing in the Maildir.",
    ],
    environment: [["MAILDIR", "The Maildir."]],
    exitCodes: [
      ["0", "stopped by a signal"],
      ["111", "MAILDIR is not set or cannot be read"],
    ],
    seeAlso: ["maildir2mbox", "qbiff"],
  },
  readerManual("elq", "elm"),
  readerManual("pinq", "pine"),
  readerManual("qail", "Mail"),
  {
    name: "dnsfq",
    section: 8,
    purpose: "print a host's canonical name",
    synopsis: ["dnsfq HOST"],
    description: [
      "Looks up the host's addresses, and the names of the first of them. config finds this machine's name that way.",
    ],
    exitCodes: dnsCodes,
    seeAlso: ["config", "dnsip", "dnsptr"],
  },
  {
    name: "dnsip",
    section: 8,
    purpose: "print a host's addresses",
    synopsis: ["dnsip HOST"],
    description: ["Prints the IPv4 and IPv6 addresses of a host, one a line."],
    exitCodes: dnsCodes,
  },
  {
    name: "dnsptr",
    section: 8,
    purpose: "print an address's names",
    synopsis: ["dnsptr IP"],
    description: ["Prints the names DNS has for an IP address, one a line."],
    exitCodes: dnsCodes,
  },
  {
    name: "dnsmxip",
    section: 8,
    purpose: "print the addresses that mail for a host goes to",
    synopsis: ["dnsmxip HOST"],
    description: [
      "Prints the addresses of the host's mail exchangers, each with its preference, best first; without MX records the host's own addresses. Routes of control/smtproutes are not looked at; quail explain shows those.",
    ],
    exitCodes: dnsCodes,
    seeAlso: ["quail explain"],
  },
  {
    name: "ipmeprint",
    section: 8,
    purpose: "print the addresses of this machine",
    synopsis: ["ipmeprint"],
    description: [
      "Prints the addresses of all network interfaces, one a line. Mail to [ADDRESS] with one of them is for this host.",
    ],
    exitCodes: [["0", "done"]],
  },
  roleManual("qmail-send", "queue", "schedule deliveries, and bounce what fails"),
  roleManual("qmail-lspawn", "local", "find the user of an address"),
  roleManual("qmail-rspawn", "remote", "send mail to other hosts"),
  roleManual("qmail-clean", "queue", "remove what is finished from the queue"),
  {
    name: "qmail-start",
    section: 8,
    purpose: "run the queue and its deliveries",
    synopsis: ["qmail-start [ DEFAULTDELIVERY [ LOGGER [ ARGUMENT ... ] ] ]"],
    description: [
      "Runs the queue, local and remote deliveries in the foreground, as qmail's start scripts want it. It opens no port: mail from the network comes in by qmail-smtpd under tcpserver, or by quail start, which runs everything.",
      "The log goes to the standard input of LOGGER, without time stamps, or to standard output; a copy with stamps is kept in log/. Nothing else is said. TERM ends it in order, ALRM tries every waiting message now, HUP reads control/locals and virtualdomains again.",
    ],
    options: [
      [
        "DEFAULTDELIVERY",
        "Instructions for users without a .qmail file, one or more lines; ./Mailbox unless told. control/defaultdelivery is not looked at.",
      ],
      ["LOGGER", "A program that takes the log, such as splogger qmail."],
    ],
    environment: [homeRow],
    exitCodes: [
      ["0", "ended by a signal, in order"],
      ["111", "it cannot start; the log says why"],
    ],
    seeAlso: ["quail start", "qmailctl", "splogger"],
  },
  {
    name: "qmailctl",
    section: 8,
    purpose: "start, stop and look at the mail system",
    synopsis: ["qmailctl start|stop|restart|doqueue|flush|reload|stat|pause|cont|cdb|queue|help"],
    description: [
      "The control script of the book, for the Quail of a home. Each command but start, queue and help is also a verb: quail stop is qmailctl stop. (quail start runs in the foreground; qmailctl start puts it into the background, with the words of control/startoptions and any that follow start.)",
    ],
    options: [
      ["start", "Start Quail in the background, and wait until it is ready."],
      ["stop", "Stop it: nothing more comes in, deliveries under way are finished."],
      ["restart", "Stop and start what receives mail, and the queue: they read all settings again."],
      ["doqueue, flush, alrm", "Forget which hosts did not answer, and try every waiting message now."],
      ["reload, hup", "Read control/locals and control/virtualdomains again."],
      ["stat", "Show what runs and since when, and how many messages are in the queue."],
      ["pause, cont", "Stand still, and go on. While it stands, clients wait."],
      ["cdb", "Look control/tcp.smtp over, which needs no compiling, and compile /etc/tcp.smtp if there is one."],
      ["queue", "Count and list the messages in the queue."],
    ],
    environment: [homeRow],
    files: [
      ["control/startoptions", "Words for quail start, one a line."],
      ["run/said", "What a start in the background said."],
    ],
    exitCodes: [
      ["0", "done"],
      ["1", "no such command, or Quail does not run"],
      ["111", "it did not work; the reason is on standard error"],
    ],
    seeAlso: ["quail", "quail start", "qmail-qread", "qmail-qstat", "qmail-tcpok"],
  },
  {
    name: "config-fast",
    section: 8,
    purpose: "make the first control files from a host name",
    synopsis: ["config-fast HOSTNAME"],
    description: [
      "Puts HOSTNAME, the fully qualified name of this host, into control/me, adds it to control/locals and control/rcpthosts, and its domain to control/defaultdomain and control/plusdomain. Says each step.",
    ],
    environment: [homeRow],
    files: [["control/", "me, locals, rcpthosts, defaultdomain, plusdomain."]],
    exitCodes: [
      ["0", "done"],
      ["100", "that is no fully qualified host name"],
      ["111", "a file cannot be written"],
    ],
    seeAlso: ["config", "quail setup", "quail config"],
  },
  {
    name: "config",
    section: 8,
    purpose: "make the first control files from what DNS says",
    synopsis: ["config"],
    description: [
      "Asks DNS for this machine's canonical name and for the names of all its addresses, and makes the first control files of them. If DNS has no name for this machine, config-fast takes one.",
    ],
    environment: [homeRow],
    files: [["control/", "me, locals, rcpthosts, defaultdomain, plusdomain."]],
    exitCodes: [
      ["0", "done"],
      ["111", "DNS has no name for this machine, or a file cannot be written"],
    ],
    seeAlso: ["config-fast", "dnsfq"],
  },
  {
    name: "instcheck",
    section: 8,
    purpose: "check owners, modes and kinds of the home's folders",
    synopsis: ["instcheck"],
    description: [
      "Prints a line for each folder or file of the home that does not exist, or has the wrong owner, permissions or type. quail check looks at much more.",
    ],
    environment: [homeRow],
    exitCodes: [["0", "done, whatever was found"]],
    seeAlso: ["quail check"],
  },
  {
    name: "qmail-upq",
    section: 8,
    purpose: "bring a very old queue up to date, which is never needed here",
    synopsis: ["qmail-upq"],
    description: [
      "qmail had it to move the files of a queue from before its folders were split. Quail's queue has none of them: this says so, and exits 0 for the sake of scripts. quail import queue takes in the queue of a qmail.",
    ],
    environment: [homeRow],
    exitCodes: [["0", "always"]],
    seeAlso: ["quail import"],
  },
];
