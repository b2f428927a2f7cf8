import type { Manual, ManualRow } from "../manual.ts";

/** Variables of a connection, as every UCSPI server and client sets them. */
const connectionVariables: readonly ManualRow[] = [
  ["PROTO", "TCP; TCP6 if the peer's address is IPv6; SSL under TLS."],
  ["TCPLOCALIP, TCPLOCALPORT", "This end."],
  ["TCPLOCALHOST", "Its name, if known."],
  ["TCPREMOTEIP, TCPREMOTEPORT", "The other end."],
  ["TCPREMOTEHOST", "Its name by DNS, if known; in lower case. Whoever owns the address chose it."],
  ["TCPREMOTEINFO", "What its IDENT server said. Do not trust it."],
  ["TCP6LOCALIP ...", "The same again for an IPv6 peer, and TCP6INTERFACE, its scope."],
];

/** Options of every server. */
const serverOptions: readonly ManualRow[] = [
  [
    "-c N",
    "At most N connections at once (40); more wait in the backlog. With a slash in it: a file that holds the number, read again at SIGHUP.",
  ],
  ["-C N", "At most N connections at once from one address (IPv6: from one /64). MAXPERIP says the same."],
  ["-x RULES", "Obey RULES, a database made by tcprules or its source text. It is looked at for every connection."],
  ["-X", "Allow everybody while RULES does not exist."],
  ["-B TEXT", "Write TEXT to the client at once."],
  ["-g GID", "Become this group, and no other, once the port is open."],
  ["-u UID", "Become this user once the port is open."],
  ["-U", "Take both from the variables UID and GID (envuidgid sets them)."],
  ["-1", "Print the port on standard output."],
  ["-b N", "Let N connections wait in the backlog (20)."],
  ["-D, -d", "Send small packets at once; or (default) let the system gather them."],
  ["-o, -O", "Accepted for old command lines. IP options are left to the system, which drops source routes."],
  ["-q, -Q, -v", "Say nothing; errors only (default); all."],
  ["-h, -H", "Look up the client's name in DNS (default); do not."],
  ["-p, -P", "Forget a name that does not lead back to the address; keep it (default)."],
  ["-l NAME", "The local host's name, which is looked up otherwise."],
  ["-r, -R", "Ask the client's IDENT server (default); do not, which is what one wants today."],
  ["-t N", "Give IDENT N seconds (26)."],
  ["-4, -6", "Look up HOST as IPv4, as IPv6."],
  ["-I INTERFACE", "The scope of a link-local HOST."],
  [
    "-Y NETWORKS",
    "Expect a PROXY protocol header (version 1 or 2) from these networks, and believe it. Their own address is in PROXY_REMOTEIP.",
  ],
  ["-W N", "After SIGTERM give connections that are served inside this process N seconds to end (60)."],
];

/** The programs of ucspi-tcp. */
export const manuals: readonly Manual[] = [
  {
    name: "tcpserver",
    section: 1,
    purpose: "accept TCP connections and run a program for each",
    synopsis: ["tcpserver [ OPTIONS ] HOST PORT PROGRAM [ ARGUMENT ... ]"],
    description: [
      "Waits for connections to HOST (0: every IPv4 address; ::: every address) and PORT (0: a free one; or a name from /etc/services), and gives each its own PROGRAM, with the connection as standard input and output and the variables below.",
      "When PROGRAM is one of Quail's, it is not started but called inside tcpserver, and so is every further program of a chain: tcpserver ... rblsmtpd -r zone recordio qmail-smtpd is one process however many connect. Its log numbers such a connection from 4194305 on, where no process has its number. A program that must change its process (checkpassword) gets one.",
      "-x, -B, the look-ups and the log are as with the original. Options stand before HOST and may be joined: -vRHl0.",
    ],
    options: serverOptions,
    environment: [
      ...connectionVariables,
      ["LISTEN_FDS", "Sockets from systemd are used instead of HOST and PORT."],
      ["DNSCACHEIP", "Ask these DNS servers, not those of control/dnsservers or /etc/resolv.conf."],
    ],
    exitCodes: [
      ["0", "SIGTERM: it accepts no more; connections with a process of their own go on"],
      ["100", "called wrongly"],
      ["111", "the port, the user or a file cannot be had; standard error says why"],
    ],
    seeAlso: ["tcprules", "tcprulescheck", "tcpclient", "rblsmtpd", "recordio"],
  },
  {
    name: "tcprules",
    section: 1,
    purpose: "compile rules for tcpserver",
    synopsis: ["tcprules RULES.cdb TEMPORARY < RULES"],
    description: [
      "Reads rules, writes TEMPORARY, and moves it to RULES.cdb, which tcpserver may be reading all the while. The database is the original's octet for octet, as far as the original knows the rules.",
    ],
    sections: [
      {
        title: "rules",
        paragraphs: [
          'One rule a line: ADDRESS:allow or ADDRESS:deny, then any number of ,NAME="VALUE" (any character may quote) that set variables, or ,!NAME that remove them. The first of these that has a rule decides alone:',
        ],
        rows: [
          ["INFO@1.2.3.4", "this user, by IDENT, of this address"],
          ["INFO@=HOST", "this user of this host"],
          ["1.2.3.4, 2001:db8::1", "this address"],
          ["=HOST", "the host of this name (lower case)"],
          ["1.2.3., 1.2., 1.", "addresses that begin so, and 2001:db8: likewise"],
          ["10.0.0.0/8, 2001:db8::/32", "addresses of a network"],
          ["=.example.org", "hosts below this domain"],
          ["=", "every host with a name"],
          ["(nothing)", "everybody"],
        ],
        example: ['127.:allow,RELAYCLIENT=""', "10.2-5.:deny", ":allow"],
      },
    ],
    exitCodes: [
      ["0", "done"],
      ["100", "called wrongly, or a line is no rule"],
      ["111", "trouble; RULES.cdb is as it was"],
    ],
    seeAlso: ["tcpserver", "tcprulescheck"],
  },
  {
    name: "tcprulescheck",
    section: 1,
    purpose: "show what tcpserver's rules say about an address",
    synopsis: ["tcprulescheck RULES.cdb"],
    description: [
      "Prints the rule that decides, what it does to the environment, and whether the connection is allowed.",
    ],
    environment: [
      ["TCPREMOTEIP, TCPREMOTEHOST, TCPREMOTEINFO", "Whom to ask about; 0.0.0.0 without a name if they are not set."],
    ],
    exitCodes: [
      ["0", "it says what"],
      ["100", "called wrongly"],
      ["111", "RULES.cdb cannot be read"],
    ],
    seeAlso: ["tcpserver", "tcprules"],
  },
  {
    name: "tcpclient",
    section: 1,
    purpose: "connect to a TCP server and run a program",
    synopsis: ["tcpclient [ OPTIONS ] HOST PORT PROGRAM [ ARGUMENT ... ]"],
    description: [
      "Connects to HOST (0: this machine) and PORT, and becomes PROGRAM, which reads the connection from descriptor 6 and writes it to 7; descriptors 0, 1 and 2 are as they were.",
      "A name with several addresses is tried at each, IPv6 and IPv4 in turn, until one answers.",
    ],
    options: [
      ["-q, -Q, -v", "Say nothing; errors only (default); all."],
      ["-T X+Y", "Give each address X seconds, then those that were silent Y more (2+58). -T X alone: no second try."],
      ["-i ADDRESS, -p PORT", "The local end."],
      ["-h, -H", "Look up the server's name in DNS (default); do not."],
      ["-r, -R", "Ask the server's IDENT server (default); do not."],
      ["-t N", "Give IDENT N seconds (26)."],
      ["-l NAME", "The local host's name, which is looked up otherwise."],
      ["-D, -d", "Send small packets at once; or (default) let the system gather them."],
      ["-4, -6", "Look up HOST as IPv4, as IPv6."],
    ],
    environment: connectionVariables,
    exitCodes: [
      ["100", "called wrongly"],
      ["111", "there is no connection; standard error says why"],
      ["other", "as the program exits"],
    ],
    seeAlso: ["tcpserver", "mconnect-io"],
  },
  {
    name: "who@",
    section: 1,
    purpose: "ask a host who is logged in",
    synopsis: ["who@ [ HOST ]"],
    description: [
      "Prints what the server at port 11 says. CRs at ends of lines are taken off, and control characters shown as cat -v does.",
    ],
    exitCodes: [["0", "always; standard error says if there was no connection"]],
    seeAlso: ["tcpclient"],
  },
  {
    name: "date@",
    section: 1,
    purpose: "ask a host for its date",
    synopsis: ["date@ [ HOST ]"],
    description: [
      "Prints what the server at port 13 says. CRs at ends of lines are taken off, and control characters shown as cat -v does.",
    ],
    exitCodes: [["0", "always; standard error says if there was no connection"]],
    seeAlso: ["tcpclient"],
  },
  {
    name: "finger@",
    section: 1,
    purpose: "ask a host about a user",
    synopsis: ["finger@ [ HOST [ USER ] ]"],
    description: [
      "Sends USER to the finger server at port 79 and prints what it says. CRs at ends of lines are taken off, and control characters shown as cat -v does.",
    ],
    exitCodes: [["0", "always; standard error says if there was no connection"]],
    seeAlso: ["tcpclient"],
  },
  {
    name: "http@",
    section: 1,
    purpose: "fetch a page by HTTP",
    synopsis: ["http@ [ HOST [ PAGE [ PORT ] ] ]"],
    description: [
      "Asks HOST for /PAGE by HTTP/1.0 and prints the body of the answer, whatever its status, with CRs at ends of lines taken off.",
    ],
    exitCodes: [["0", "always; standard error says if there was no connection"]],
    seeAlso: ["tcpclient"],
  },
  {
    name: "tcpcat",
    section: 1,
    purpose: "print what a server says",
    synopsis: ["tcpcat [ HOST [ PORT ] ]"],
    description: ["Connects to HOST and PORT (17) and copies what comes to standard output, unchanged."],
    exitCodes: [
      ["0", "the server has closed the connection"],
      ["111", "there is no connection, or it could not be written"],
    ],
    seeAlso: ["tcpclient"],
  },
  {
    name: "mconnect",
    section: 1,
    purpose: "talk to an SMTP server by hand",
    synopsis: ["mconnect [ HOST [ PORT ] ]"],
    description: [
      "Connects to HOST and PORT (25), sends what is typed, with a CR before every LF, and prints what the server says, until it closes the connection.",
    ],
    exitCodes: [
      ["0", "the server has closed the connection"],
      ["111", "there is no connection"],
    ],
    seeAlso: ["mconnect-io"],
  },
  {
    name: "mconnect-io",
    section: 1,
    purpose: "pass lines between a terminal and a connection",
    synopsis: ["mconnect-io"],
    description: ["What mconnect does, on a connection that is there: reads descriptor 6, writes 7. For tcpclient."],
    exitCodes: [
      ["0", "the server has closed the connection"],
      ["111", "descriptors 6 and 7 are no connection"],
    ],
    seeAlso: ["mconnect", "tcpclient"],
  },
  {
    name: "addcr",
    section: 1,
    purpose: "put a CR before every line feed",
    synopsis: ["addcr"],
    description: ["Copies standard input to standard output with a CR before every LF, even where there is one."],
    exitCodes: [
      ["0", "done"],
      ["111", "it could not be written"],
    ],
    seeAlso: ["delcr", "fixcr", "fixcrio"],
  },
  {
    name: "delcr",
    section: 1,
    purpose: "take the CR before every line feed off",
    synopsis: ["delcr"],
    description: [
      "Copies standard input to standard output with one CR less before every LF that has one. A CR elsewhere stays.",
    ],
    exitCodes: [
      ["0", "done"],
      ["111", "it could not be written"],
    ],
    seeAlso: ["addcr", "fixcr", "fixcrio"],
  },
  {
    name: "fixcr",
    section: 1,
    purpose: "put a CR before every line feed that has none",
    synopsis: ["fixcr"],
    description: ["Copies standard input to standard output with a CR before every LF that has none."],
    exitCodes: [
      ["0", "done"],
      ["111", "it could not be written"],
    ],
    seeAlso: ["addcr", "delcr", "fixcrio"],
  },
  {
    name: "fixcrio",
    section: 1,
    purpose: "run a program with CRs put where they are missing",
    synopsis: ["fixcrio PROGRAM [ ARGUMENT ... ]"],
    description: [
      "Runs PROGRAM, with a CR put before every LF that has none, in what it reads and in what it writes. For clients and servers that send bare LFs.",
      "The process number and the exit code are the program's.",
    ],
    exitCodes: [
      ["100", "called wrongly"],
      ["111", "the program cannot be run"],
      ["other", "as the program exits"],
    ],
    seeAlso: ["recordio", "tcpserver"],
  },
  {
    name: "recordio",
    section: 1,
    purpose: "run a program and log what it reads and writes",
    synopsis: ["recordio PROGRAM [ ARGUMENT ... ]"],
    description: [
      "Runs PROGRAM and copies what it reads and writes, line by line, to standard error: NUMBER < TEXT for what it reads, NUMBER > TEXT for what it writes. A + at the end marks a line that goes on, [EOF] an end.",
      "The process number and the exit code are the program's. Passwords are logged, too.",
    ],
    exitCodes: [
      ["100", "called wrongly"],
      ["111", "the program cannot be run"],
      ["other", "as the program exits"],
    ],
    seeAlso: ["fixcrio", "tcpserver"],
  },
  {
    name: "argv0",
    section: 1,
    purpose: "run a program under another name",
    synopsis: ["argv0 PROGRAM NAME [ ARGUMENT ... ]"],
    description: ["Becomes PROGRAM, which is told that its name is NAME."],
    exitCodes: [
      ["100", "called wrongly"],
      ["111", "the program cannot be run"],
      ["other", "as the program exits"],
    ],
    seeAlso: ["tcpserver"],
  },
  {
    name: "rblsmtpd",
    section: 1,
    purpose: "reject SMTP clients that are on a block list",
    synopsis: ["rblsmtpd [ -bBcC ] [ -t SECONDS ] [ -r BASE | -a BASE ] ... SMTPD [ ARGUMENT ... ]"],
    description: [
      "Asks DNS lists about the client in TCPREMOTEIP. One that is listed hears why at every recipient; all others get SMTPD. Without -r or -a nothing is asked.",
    ],
    options: [
      ["-r BASE", "Reject clients that have a TXT record in BASE. May be given several times; the first hit decides."],
      ["-a BASE", "Let clients in that have an A record in BASE, without asking the lists behind it."],
      ["-b, -B", "Reject for good (553); or (default) for now (451). Counts for the lists behind it."],
      ["-c, -C", "If a list cannot be asked, reject for now; or (default) let in. Counts for the lists behind it."],
      ["-t SECONDS", "How long a client is talked to that is rejected (60); 0: it is told once."],
    ],
    environment: [
      ["RBLSMTPD", "If set, no list is asked: empty lets in, -TEXT rejects for good, TEXT for now."],
      ["TCPREMOTEIP", "The client, IPv4 or IPv6. If it is not set, nothing is asked."],
    ],
    exitCodes: [
      ["0", "the client was rejected"],
      ["100", "called wrongly"],
      ["111", "the program cannot be run"],
      ["other", "as the program exits"],
    ],
    seeAlso: ["tcpserver"],
  },
];
