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
    seeAlso: ["tcprules", "tcprulescheck"],
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
];
