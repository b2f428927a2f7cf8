import type { Manual } from "../manual.ts";

/** The chain that serves POP3 on standard input and output. */
export const manuals: readonly Manual[] = [
  {
    name: "qmail-popup",
    section: 8,
    purpose: "take a POP3 login, then run a program that checks it",
    synopsis: ["qmail-popup HOSTNAME PROGRAM [ ARGUMENT ... ]"],
    description: [
      "Greets a POP3 client on standard input and output, takes USER and PASS, or APOP, and runs PROGRAM with the login on descriptor 3: user, password and timestamp, each ended by a NUL. For APOP the password is the digest. Usually: qmail-popup mail.example.org checkpassword qmail-pop3d Maildir, under tcpserver.",
      "quail start has a POP3 service of its own; this chain is for other set-ups.",
    ],
    exitCodes: [["1", "always; the client has been told"]],
    seeAlso: ["checkpassword", "qmail-pop3d"],
  },
  {
    name: "qmail-pop3d",
    section: 8,
    purpose: "serve a Maildir by POP3 to a client that has logged in",
    synopsis: ["qmail-pop3d MAILDIR"],
    description: [
      "Serves the Maildir, named from the working directory, on standard input and output: STAT, LIST, UIDL, RETR, TOP, DELE, RSET, LAST, NOOP, QUIT. Messages that are deleted go at QUIT; the others move to cur then. A connection that breaks off deletes nothing. Never runs as root.",
    ],
    exitCodes: [
      ["0", "the session is over"],
      ["1", "it was run as root"],
    ],
    seeAlso: ["qmail-popup", "checkpassword", "maildir"],
  },
  {
    name: "checkpassword",
    section: 8,
    purpose: "check a password, become its user, run a program",
    synopsis: ["checkpassword PROGRAM [ ARGUMENT ... ]"],
    description: [
      "Reads a login and its password from descriptor 3. If control/poppasswd, or else the program of control/authcheckprogram or the system, knows them, goes to the user's home, becomes that user, and runs PROGRAM with USER, HOME and SHELL set.",
      "Becoming another user needs root.",
    ],
    environment: [["QUAIL_HOME", "The home. Otherwise /var/qmail, or the folder var of the checkout."]],
    files: [["control/poppasswd", "Mailbox passwords: USER:HASH:UID:GID:HOME, or USER:HASH for a system account."]],
    exitCodes: [
      ["1", "refused"],
      ["2", "called wrongly"],
      ["111", "not now; standard error says why"],
      ["other", "as the program exits"],
    ],
    seeAlso: ["qmail-popup", "qmail-pop3d", "qmail-control"],
  },
  {
    name: "quail passwd",
    section: 8,
    purpose: "set a mailbox password",
    synopsis: [
      "quail passwd USER [ --apop | --scram ]",
      "quail passwd USER --app NAME",
      "quail passwd USER --apps [ --json ]",
      "quail passwd USER --revoke NAME",
    ],
    description: [
      "Reads a password, from the terminal without showing it or as the first line of standard input, and keeps its argon2id hash in control/poppasswd. A user who has no line there gets one, with the user, group and home their mail is delivered to.",
      "It counts from the next login on.",
    ],
    options: [
      [
        "--apop",
        "Keep the password itself, which APOP and CRAM-MD5 need; see control/popapop and control/authmechanisms.",
      ],
      [
        "--scram",
        "Keep the key that SCRAM-SHA-256 needs. PLAIN and LOGIN can be checked by it, too; it is cheaper to guess against than the usual hash.",
      ],
      ["--app NAME", "Make a password for one program of the user's and print it, this once. It is kept as a hash."],
      ["--apps", "List them: the day each was made, and its name. With --json for programs."],
      ["--revoke NAME", "Take one back."],
    ],
    environment: [["QUAIL_HOME", "The home. Otherwise /var/qmail, or the folder var of the checkout."]],
    files: [
      ["control/poppasswd", "Mailbox passwords, mode 0600."],
      ["control/apppasswd", "Passwords of single programs, mode 0600."],
    ],
    exitCodes: [
      ["0", "it is set"],
      ["1", "no such user, or no such password"],
      ["100", "called wrongly"],
      ["111", "trouble; standard error says which"],
    ],
    seeAlso: ["checkpassword", "qmail-control"],
  },
];
